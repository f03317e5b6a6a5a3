// osb exec and osb run: one command in a sandbox, in one that is there or in one that is made for it.
#include <unistd.h>

#include <cstdio>

#include "osb/commands/all.h"
#include "osb/commands/run_flags.h"
#include "osb/connection.h"
#include "osb/create_flags.h"
#include "osb/duration_words.h"
#include "osb/interrupts.h"
#include "osb/problem.h"
#include "osb/remote_terminal.h"
#include "osb/text_width.h"

namespace osb::cli {

namespace {

// On a terminal or on pipes, which carry what is typed; the other way round there is no input.
int exec_with_input(Invocation& run) {
  for (const char* key : {"timeout", "env", "uid", "gid"})
    if (run.line().has(key))
      throw UsageProblem("--" + std::string(key) + " does not go with --interactive and --tty");
  return run_terminal(open_sandbox(run).terminals(), {.command = session_line(run.rest()),
                                                      .working_directory = run.option("workdir").value_or(""),
                                                      .terminal = run.flag("tty")});
}

int exec(Invocation& run) {
  opensandbox::RunOptions options = run_options(run);
  if (run.flag("interactive") || run.flag("tty")) return exec_with_input(run);
  return run_line_in(open_sandbox(run).commands(), session_line(run.rest()), options);
}

// Kills the sandbox when it goes, whatever happened meanwhile.
class Borrowed {
 public:
  Borrowed(opensandbox::Sandbox sandbox, bool keep) : sandbox_(std::move(sandbox)), keep_(keep) {}
  ~Borrowed() {
    if (keep_) return;
    try {
      sandbox_.kill();
    } catch (const std::exception& error) {
      std::fprintf(stderr, "osb: ending sandbox %s: %s\n", sandbox_.id().c_str(),
                   visible(error.what()).c_str());
    }
  }
  Borrowed(const Borrowed&) = delete;
  Borrowed& operator=(const Borrowed&) = delete;
  const opensandbox::Sandbox& operator*() const { return sandbox_; }

 private:
  opensandbox::Sandbox sandbox_;
  bool keep_;
};

opensandbox::Sandbox make(Invocation& run) {
  Interrupts interrupts;  // Ctrl-C while it is made takes it away again
  return opensandbox::Sandbox::create(create_options(run, run.argument("IMAGE")), connection(run),
                                      interrupts.token());
}

int run_image(Invocation& run) {
  opensandbox::RunOptions options;
  options.working_directory = run.option("workdir").value_or("");
  Borrowed sandbox(make(run), run.flag("keep"));
  if (run.flag("keep")) write_all(STDERR_FILENO, (*sandbox).id() + "\n");
  return run_line_in((*sandbox).commands(), session_line(run.rest()), options);
}

constexpr Argument kExecArguments[] = {
    {"SANDBOX", "Id of the sandbox"},
    {"COMMAND", "Program and its arguments, or one line for the shell", Count::command}};
constexpr Argument kRunArguments[] = {
    {"IMAGE", "Image of the sandbox"},
    {"COMMAND", "Program and its arguments, or one line for the shell", Count::command}};
constexpr Option kOwnExecOptions[] = {
    {"-i,--interactive", "", "Pass on standard input; bytes stay what they are, both ways"},
    {"--tty", "", "Run it on a terminal"}};
constexpr auto kExecOptions = with_run_flags(kOwnExecOptions);
constexpr Option kOwnRunOptions[] = {{"-w,--workdir", "DIR", "Where it runs"},
                                     {"--keep", "", "Leave the sandbox; its id goes to standard error"}};
constexpr auto kRunOptions = with_new_sandbox_flags(kOwnRunOptions);

}  // namespace

const Command kExec{.name = "exec",
                    .summary = "Run a command in a sandbox and end with its exit code",
                    .details =
                        "  osb exec SANDBOX ls -la /tmp\n"
                        "  osb exec SANDBOX 'du -sh * | sort -h'\n"
                        "  osb exec -i SANDBOX gzip < data > data.gz",
                    .arguments = kExecArguments,
                    .options = kExecOptions,
                    .run = exec,
                    .passes_exit_code = true};
const Command kRunImage{
    .name = "run",
    .summary = "Make a sandbox, run a command in it, end it; the exit code is the command's",
    .details = "  osb run host -- python3 -c 'print(6 * 7)'",
    .arguments = kRunArguments,
    .options = kRunOptions,
    .run = run_image,
    .passes_exit_code = true};

}  // namespace osb::cli
