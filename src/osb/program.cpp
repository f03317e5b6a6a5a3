#include "osb/program.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <optional>

#include "base/error.h"
#include "osb/help.h"
#include "osb/invocation.h"
#include "osb/problem.h"
#include "osb/sdk_problem.h"

namespace osb::cli {

namespace {

// Errors must look right even where the settings are what is wrong.
bool color_errors(const std::vector<std::string>& words) {
  for (const std::string& word : words)
    if (word == "--no-color") return false;
  const char* no_color = ::getenv("NO_COLOR");
  return ::isatty(STDERR_FILENO) && !(no_color && *no_color);
}

int run_command(const CommandLine& line) {
  if (line.has("version")) {
    write_all(STDOUT_FILENO, std::string("opensandbox ") + program_version() + "\n");
    return 0;
  }
  if (line.has("help") || !line.command->run) {
    write_all(STDOUT_FILENO, help_text(line));
    return 0;
  }
  Invocation invocation(line);
  return line.command->run(invocation);
}

// The exit code of an error of ours, where the command's own codes are those of what it ran.
int failure_code(const std::optional<CommandLine>& line) {
  return line && line->command->passes_exit_code ? kExitOwnFailure : kExitFailure;
}

}  // namespace

const char* program_version() { return OSB_VERSION; }

int run_program(const std::vector<std::string>& words) {
  ::signal(SIGPIPE, SIG_IGN);
  std::optional<CommandLine> line;
  auto print = [&](const Problem& problem) {
    try {
      write_all(STDERR_FILENO, render(problem, color_errors(words)));
    } catch (...) {  // nobody reads it
    }
  };
  try {
    line = parse_command_line(kRoot, words);
    return run_command(*line);
  } catch (const UsageProblem& problem) {
    print(problem);
    return kExitUsage;
  } catch (const Interrupted&) {
    return kExitInterrupted;
  } catch (const OutputGone&) {
    return kExitOutputGone;
  } catch (const Problem& problem) {
    print(problem);
  } catch (const Error& error) {
    print(Problem("INTERNAL", error.message()));
  } catch (const opensandbox::Error& error) {
    if (error.code() == opensandbox::ErrorCode::cancelled) return kExitInterrupted;
    print(sdk_problem(error));
  } catch (const std::exception& error) {
    print(Problem("INTERNAL", error.what()));
  }
  return failure_code(line);
}

}  // namespace osb::cli
