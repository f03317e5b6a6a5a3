// osb completion, osb man, and what the shells call at each press of the completion key.

#include "osb/completion.h"

#include "osb/commands/all.h"
#include "osb/invocation.h"
#include "osb/man_page.h"
#include "osb/problem.h"
#include "osb/program.h"
#include "osb/sandbox_ids.h"

namespace osb::cli {

namespace {

int print_script(Invocation& run) {
  std::string shell = run.argument("bash|zsh|fish");
  if (shell != "bash" && shell != "zsh" && shell != "fish")
    throw UsageProblem("\"" + shell + "\" is none of bash, zsh, fish");
  run.output().text(completion_script(shell));
  return 0;
}

int print_man(Invocation& run) {
  run.output().text(man_page(kRoot, program_version()));
  return 0;
}

int print_candidates(Invocation& run) {
  Completion found = complete(kRoot, run.rest(), [&] { return sandbox_ids(run); });
  std::string out;
  for (const Candidate& each : found.candidates)
    out += each.word + (each.help.empty() ? "" : "\t" + each.help) + "\n";
  if (found.files) out += ":files\n";
  run.output().text(out);
  return 0;
}

constexpr Argument kShells[] = {{"bash|zsh|fish", "The shell"}};
constexpr Argument kWords[] = {{"WORD", "The line so far", Count::optional_command}};

}  // namespace

const Command kCompletion{.name = "completion",
                          .summary = "Print a script that teaches a shell to complete osb's commands",
                          .details =
                              "  source <(osb completion bash)          # in ~/.bashrc\n"
                              "  osb completion zsh > \"${fpath[1]}/_osb\"\n"
                              "  osb completion fish > ~/.config/fish/completions/osb.fish",
                          .outputs = "raw",
                          .arguments = kShells,
                          .run = print_script};
const Command kMan{.name = "man",
                   .summary = "Print the manual page",
                   .details = "  osb man | man -l -",
                   .outputs = "raw",
                   .run = print_man};
const Command kComplete{.name = "__complete",
                        .summary = "Candidates for the last word",
                        .outputs = "raw",
                        .arguments = kWords,
                        .run = print_candidates,
                        .hidden = true};

}  // namespace osb::cli
