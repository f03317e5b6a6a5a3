// osb shell: a terminal in a sandbox.
#include <unistd.h>

#include "osb/commands/all.h"
#include "osb/connection.h"
#include "osb/problem.h"
#include "osb/remote_run.h"
#include "osb/remote_terminal.h"

namespace osb::cli {

namespace {

int shell(Invocation& run) {
  TerminalRequest request{.working_directory = run.option("workdir").value_or(""),
                          .session = run.option("session").value_or(""),
                          .takeover = run.flag("takeover"),
                          .viewer = run.flag("view"),
                          .terminal = ::isatty(STDIN_FILENO) == 1};
  if (!run.rest().empty()) request.command = run.rest().size() == 1 ? run.rest()[0] : shell_line(run.rest());
  if (request.session.empty() && (request.takeover || request.viewer))
    throw UsageProblem("--takeover and --view need --session ID");
  return run_terminal(open_sandbox(run).terminals(), request);
}

constexpr Argument kArguments[] = {{"SANDBOX", "Id of the sandbox"},
                                   {"COMMAND", "What runs in place of a shell", Count::optional_command}};
constexpr Option kOptions[] = {{"-w,--workdir", "DIR", "Where it begins"},
                               {"--session", "ID", "Connect to a session that is there"},
                               {"--takeover", "", "Take that session from its client"},
                               {"--view", "", "Look on only"}};

}  // namespace

const Command kShell{.name = "shell",
                     .summary = "Open a shell in a sandbox, and end with its exit code",
                     .details =
                         "  osb shell SANDBOX\n"
                         "  osb shell SANDBOX -- top\n"
                         "  echo 'ls -l' | osb shell SANDBOX    # no terminal: the shell reads a pipe",
                     .arguments = kArguments,
                     .options = kOptions,
                     .run = shell,
                     .passes_exit_code = true};

}  // namespace osb::cli
