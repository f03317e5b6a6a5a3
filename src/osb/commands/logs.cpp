// osb logs: what a background command prints.
#include "osb/commands/all.h"
#include "osb/connection.h"
#include "osb/interrupts.h"
#include "osb/problem.h"
#include "osb/remote_run.h"

namespace osb::cli {

namespace {

using opensandbox::Commands;

constexpr auto kFirstPause = std::chrono::milliseconds(50);
constexpr auto kLongestPause = std::chrono::milliseconds(1000);

// The status is asked for before the output, so that what is printed last is not missed.
int follow_logs(const Commands& commands, const std::string& id) {
  Interrupts interrupts;
  int64_t cursor = 0;
  auto pause = kFirstPause;
  while (true) {
    opensandbox::CommandStatus status = commands.status(id, interrupts.token());
    opensandbox::CommandLogs logs = commands.logs(id, cursor, interrupts.token());
    write_all(STDOUT_FILENO, logs.content);
    cursor = logs.cursor.value_or(cursor + static_cast<int64_t>(logs.content.size()));
    if (!status.running) {
      int code = status.exit_code.value_or(0);
      if (code >= 0) return code;
      int number = signal_number(status.error);
      return 128 + (number ? number : SIGKILL);
    }
    pause = logs.content.empty() ? std::min(pause * 2, kLongestPause) : kFirstPause;
    if (!interrupts.sleep(pause)) return kExitInterrupted;
  }
}

int logs(Invocation& run) {
  Commands commands = open_sandbox(run).commands();
  std::string id = run.argument("EXECUTION");
  if (run.flag("follow")) return follow_logs(commands, id);
  write_all(STDOUT_FILENO, commands.logs(id).content);
  return 0;
}

constexpr Argument kArguments[] = {{"SANDBOX", "Id of the sandbox"},
                                   {"EXECUTION", "What osb command run --background printed"}};
constexpr Option kOptions[] = {{"-f,--follow", "", "Go on until it ends, and end with its exit code"}};

}  // namespace

const Command kLogs{.name = "logs",
                    .summary = "Show what a background command prints",
                    .details = "Ctrl-C ends osb, not the command.",
                    .arguments = kArguments,
                    .options = kOptions,
                    .run = logs,
                    .passes_exit_code = true};

}  // namespace osb::cli
