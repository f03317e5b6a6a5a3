// osb command: commands and shell sessions in sandboxes.
#include "osb/commands/all.h"
#include "osb/commands/run_flags.h"
#include "osb/connection.h"
#include "osb/duration_words.h"
#include "osb/models.h"
#include "osb/problem.h"
#include "osb/remote_run.h"

namespace osb::cli {

namespace {

using opensandbox::Commands;

constexpr std::string_view kFormats = "table|json|yaml";

int start_in_background(Invocation& run, const Commands& commands, opensandbox::RunOptions options) {
  options.background = true;
  opensandbox::Execution started =
      run.flag("argv") ? commands.run(run.rest(), options) : commands.run(shell_line(run.rest()), options);
  if (started.error) throw Problem(started.error->name, "starting the command: " + started.error->value);
  if (!started.complete)
    throw Problem("EXECUTION_INCOMPLETE", "starting the command: the daemon did not confirm it");
  if (run.output().format() == Format::raw) {
    run.output().text(started.id + "\n");
  } else {
    run.output().record({{"execution_id", started.id}});
  }
  return 0;
}

int run_command(Invocation& run) {
  Commands commands = open_sandbox(run).commands();
  opensandbox::RunOptions options = run_options(run);
  if (run.flag("background")) return start_in_background(run, commands, options);
  std::string output = run.option("output").value_or("raw");
  if (output != "raw") throw UsageProblem("--output " + output + " goes with --background only");
  if (run.flag("argv")) return run_program_in(commands, run.rest(), options);
  return run_line_in(commands, shell_line(run.rest()), options);
}

int status(Invocation& run) {
  run.output().record(command_model(open_sandbox(run).commands().status(run.argument("EXECUTION"))));
  return 0;
}

int logs(Invocation& run) {
  int64_t cursor = run.number("cursor", 0, INT64_MAX).value_or(0);
  opensandbox::CommandLogs logs = open_sandbox(run).commands().logs(run.argument("EXECUTION"), cursor);
  if (run.output().format() == Format::raw) {
    run.output().text(logs.content);
    return 0;
  }
  json::Object model{{"content", logs.content},
                     {"cursor", logs.cursor ? json::Value(*logs.cursor) : json::Value(nullptr)}};
  run.output().record(model);
  return 0;
}

int interrupt(Invocation& run) {
  std::string id = run.argument("EXECUTION");
  open_sandbox(run).commands().interrupt(id);
  run.output().done("Interrupted " + id, {{"execution_id", id}});
  return 0;
}

int session_create(Invocation& run) {
  std::string id = open_sandbox(run).commands().create_session(run.option("workdir").value_or(""));
  if (run.output().format() == Format::raw) {
    run.output().text(id + "\n");
  } else {
    run.output().record({{"session_id", id}});
  }
  return 0;
}

int session_run(Invocation& run) {
  Commands commands = open_sandbox(run).commands();
  opensandbox::RunOptions options = run_options(run);
  std::string session = run.argument("SESSION"), line = session_line(run.rest());
  return follow(
      [&](const opensandbox::Handlers& handlers, std::stop_token stop) {
        return commands.run_in_session(session, line, options, handlers, stop);
      },
      [&](const std::string& id) { commands.interrupt(id); });
}

int session_delete(Invocation& run) {
  std::string id = run.argument("SESSION");
  open_sandbox(run).commands().delete_session(id);
  run.output().done("Ended session " + id, {{"session_id", id}});
  return 0;
}

constexpr Argument kRunArguments[] = {{"SANDBOX", "Id of the sandbox"},
                                      {"COMMAND", "Program and its arguments", Count::command}};
constexpr Argument kExecutionArguments[] = {{"SANDBOX", "Id of the sandbox"},
                                            {"EXECUTION", "Id of the execution"}};
constexpr Argument kSandboxArgument[] = {{"SANDBOX", "Id of the sandbox"}};
constexpr Argument kSessionArguments[] = {{"SANDBOX", "Id of the sandbox"}, {"SESSION", "Id of the session"}};
constexpr Argument kSessionRunArguments[] = {{"SANDBOX", "Id of the sandbox"},
                                             {"SESSION", "Id of the session"},
                                             {"COMMAND", "Program and its arguments", Count::command}};
constexpr Option kOwnRunOptions[] = {{"-d,--background", "", "Start it and print its id"},
                                     {"--argv", "", "Run it without a shell in between"}};
constexpr auto kRunOptions = with_run_flags(kOwnRunOptions);
constexpr Option kLogsOptions[] = {{"--cursor", "N", "Only what was printed behind byte N"}};
constexpr Option kSessionOptions[] = {{"-w,--workdir", "DIR", "Where it begins"}};
constexpr Option kSessionRunOptions[] = {{"-w,--workdir", "DIR", "Where it runs"},
                                         {"-t,--timeout", "DURATION", "It is killed after that time"}};

const Command kRun{.name = "run",
                   .summary = "Run a command and end with its exit code",
                   .details =
                       "  osb command run SANDBOX -- make -j4\n"
                       "  osb command run SANDBOX --background -- sleep 60",
                   .outputs = "raw|table|json|yaml",
                   .arguments = kRunArguments,
                   .options = kRunOptions,
                   .run = run_command,
                   .passes_exit_code = true};
const Command kStatus{.name = "status",
                      .summary = "Show what became of a command",
                      .outputs = kFormats,
                      .arguments = kExecutionArguments,
                      .run = status};
const Command kCommandLogs{.name = "logs",
                           .summary = "Show what a background command has printed",
                           .outputs = "raw|table|json|yaml",
                           .arguments = kExecutionArguments,
                           .options = kLogsOptions,
                           .run = logs};
const Command kInterrupt{.name = "interrupt",
                         .summary = "End a command with all its processes",
                         .outputs = kFormats,
                         .arguments = kExecutionArguments,
                         .run = interrupt};
const Command kSessionCreate{.name = "create",
                             .summary = "Open a shell that lives from run to run",
                             .outputs = "table|json|yaml|raw",
                             .arguments = kSandboxArgument,
                             .options = kSessionOptions,
                             .run = session_create};
const Command kSessionRun{.name = "run",
                          .summary = "Run a command in a session; variables and directory stay",
                          .details =
                              "A single word is a line for the shell:\n"
                              "  osb command session run SANDBOX SESSION 'cd /tmp'",
                          .outputs = "raw",
                          .arguments = kSessionRunArguments,
                          .options = kSessionRunOptions,
                          .run = session_run,
                          .passes_exit_code = true};
const Command kSessionDelete{.name = "delete",
                             .summary = "End a session and all that was started in it",
                             .outputs = kFormats,
                             .arguments = kSessionArguments,
                             .run = session_delete};
const Command* const kSessionChildren[] = {&kSessionCreate, &kSessionRun, &kSessionDelete};
const Command kSession{
    .name = "session", .summary = "Shells that live from run to run", .children = kSessionChildren};
const Command* const kChildren[] = {&kRun, &kStatus, &kCommandLogs, &kInterrupt, &kSession};

}  // namespace

const Command kCommand{
    .name = "command", .summary = "Commands and shell sessions in sandboxes", .children = kChildren};

}  // namespace osb::cli
