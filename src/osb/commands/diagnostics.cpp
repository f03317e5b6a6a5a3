// osb diagnostics and osb devops: what the server knows about a sandbox.
#include <opensandbox/manager.h>

#include "osb/commands/all.h"
#include "osb/connection.h"
#include "osb/models.h"
#include "osb/problem.h"
#include "osb/text_width.h"

namespace osb::cli {

namespace {

json::Object diagnostics_model(const opensandbox::Diagnostics& found) {
  auto text = [](const std::string& value) {
    return value.empty() ? json::Value(nullptr) : json::Value(value);
  };
  return {
      {"sandbox_id", found.sandbox_id},
      {"kind", found.kind},
      {"scope", found.scope},
      {"delivery", found.delivery},
      {"content_type", text(found.content_type)},
      {"content", found.content},
      {"content_url", text(found.content_url)},
      {"content_length", found.content_length ? json::Value(*found.content_length) : json::Value(nullptr)},
      {"truncated", found.truncated},
      {"expires_at", time_text(found.expires_at)},
      {"warnings", list_model(found.warnings)}};
}

void print(Invocation& run, const opensandbox::Diagnostics& found) {
  for (const std::string& warning : found.warnings)
    write_all(STDERR_FILENO, "osb: warning: " + visible(warning) + "\n");
  if (found.truncated) write_all(STDERR_FILENO, "osb: warning: this is not all, the rest was cut off\n");
  if (run.output().format() == Format::raw) {
    run.output().text(found.delivery == "url" ? found.content_url + "\n" : found.content);
  } else {
    run.output().record(diagnostics_model(found));
  }
}

opensandbox::Manager manager(Invocation& run) { return opensandbox::Manager(connection(run)); }

int logs(Invocation& run) {
  print(run, manager(run).diagnostic_logs(run.argument("SANDBOX"), run.required("scope")));
  return 0;
}

int events(Invocation& run) {
  print(run, manager(run).diagnostic_events(run.argument("SANDBOX"), run.required("scope")));
  return 0;
}

// The text endpoints; `options` are pairs of a flag of ours and its name in the query.
int text(Invocation& run, const char* kind,
         std::initializer_list<std::pair<const char*, const char*>> options) {
  opensandbox::StringMap query;
  for (const auto& [flag, name] : options)
    if (auto value = run.option(flag)) query[name] = *value;
  std::string answer = manager(run).diagnostic_text(run.argument("SANDBOX"), kind, query);
  if (!answer.empty() && answer.back() != '\n') answer += '\n';
  run.output().text(answer);
  return 0;
}

int devops_logs(Invocation& run) {
  run.number("tail", 1, 1'000'000);
  return text(run, "logs", {{"tail", "tail"}, {"since", "since"}});
}
int devops_inspect(Invocation& run) { return text(run, "inspect", {}); }
int devops_events(Invocation& run) {
  run.number("limit", 1, 1'000'000);
  return text(run, "events", {{"limit", "limit"}});
}
int devops_summary(Invocation& run) {
  run.number("tail", 1, 1'000'000);
  run.number("event-limit", 1, 1'000'000);
  return text(run, "summary", {{"tail", "tail"}, {"event-limit", "event_limit"}});
}

constexpr Argument kSandboxArgument[] = {{"SANDBOX", "Id of the sandbox"}};
constexpr Option kLogScope[] = {{"-s,--scope", "SCOPE", "container or all"}};
constexpr Option kEventScope[] = {{"-s,--scope", "SCOPE", "runtime or all"}};
constexpr Option kLogsOptions[] = {{"-n,--tail", "N", "Only the last lines (100)"},
                                   {"-s,--since", "DURATION", "Only of the last 10m, 1h, ..."}};
constexpr Option kEventsOptions[] = {{"-l,--limit", "N", "At most so many (50)"}};
constexpr Option kSummaryOptions[] = {{"-n,--tail", "N", "Lines of the log (50)"},
                                      {"--event-limit", "N", "Events (20)"}};

const Command kDiagnosticLogs{.name = "logs",
                              .summary = "Show the log of a sandbox",
                              .outputs = "raw|json|yaml|table",
                              .arguments = kSandboxArgument,
                              .options = kLogScope,
                              .run = logs};
const Command kDiagnosticEvents{.name = "events",
                                .summary = "Show what happened to a sandbox",
                                .outputs = "raw|json|yaml|table",
                                .arguments = kSandboxArgument,
                                .options = kEventScope,
                                .run = events};
const Command* const kDiagnosticsChildren[] = {&kDiagnosticLogs, &kDiagnosticEvents};

const Command kDevopsLogs{.name = "logs",
                          .summary = "The last lines of the log",
                          .outputs = "raw",
                          .arguments = kSandboxArgument,
                          .options = kLogsOptions,
                          .run = devops_logs};
const Command kDevopsInspect{.name = "inspect",
                             .summary = "What the runtime knows",
                             .outputs = "raw",
                             .arguments = kSandboxArgument,
                             .run = devops_inspect};
const Command kDevopsEvents{.name = "events",
                            .summary = "What happened lately",
                            .outputs = "raw",
                            .arguments = kSandboxArgument,
                            .options = kEventsOptions,
                            .run = devops_events};
const Command kDevopsSummary{.name = "summary",
                             .summary = "All of it in brief",
                             .outputs = "raw",
                             .arguments = kSandboxArgument,
                             .options = kSummaryOptions,
                             .run = devops_summary};
const Command* const kDevopsChildren[] = {&kDevopsLogs, &kDevopsInspect, &kDevopsEvents, &kDevopsSummary};

}  // namespace

const Command kDiagnostics{
    .name = "diagnostics", .summary = "Log and events of a sandbox", .children = kDiagnosticsChildren};
const Command kDevops{.name = "devops",
                      .summary = "Texts of the server about a sandbox (experimental)",
                      .children = kDevopsChildren};

}  // namespace osb::cli
