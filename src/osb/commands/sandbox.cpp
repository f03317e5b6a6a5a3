// osb sandbox: making, looking at and ending sandboxes.
#include <opensandbox/manager.h>

#include "osb/commands/all.h"
#include "osb/connection.h"
#include "osb/create_flags.h"
#include "osb/duration_words.h"
#include "osb/interrupts.h"
#include "osb/models.h"
#include "osb/problem.h"

namespace osb::cli {

namespace {

constexpr std::string_view kFormats = "table|json|yaml";
constexpr Argument kSandboxArgument[] = {{"SANDBOX", "Id of the sandbox"}};

opensandbox::Manager manager(Invocation& run) { return opensandbox::Manager(connection(run)); }

int create(Invocation& run) {
  std::string image = run.option("image").value_or("");
  opensandbox::CreateOptions options = create_options(run, image);
  Interrupts interrupts;
  opensandbox::Sandbox made = opensandbox::Sandbox::create(options, connection(run), interrupts.token());
  if (run.output().format() == Format::raw) {
    run.output().text(made.id() + "\n");
  } else {
    run.output().record(sandbox_model(made.info(interrupts.token())));
  }
  return 0;
}

// "paused" and "PAUSED" are what people type for "Paused".
std::string state_name(std::string text) {
  for (size_t i = 0; i < text.size(); ++i) {
    char lower = static_cast<char>(text[i] >= 'A' && text[i] <= 'Z' ? text[i] + 32 : text[i]);
    text[i] = static_cast<char>(i == 0 && lower >= 'a' && lower <= 'z' ? lower - 32 : lower);
  }
  return text;
}

opensandbox::SandboxFilter filter_of(Invocation& run) {
  opensandbox::SandboxFilter filter;
  for (const std::string& state : run.options("state")) filter.states.push_back(state_name(state));
  for (const auto& [key, value] : run.pairs("metadata")) filter.metadata[key] = value;
  if (auto page = run.number("page", 1, 1'000'000)) filter.page = static_cast<int>(*page);
  if (auto size = run.number("page-size", 1, 200)) filter.page_size = static_cast<int>(*size);
  return filter;
}

// Seconds that are left, for people.
std::string remaining(const std::optional<opensandbox::Time>& end) {
  if (!end) return "never";
  auto left = std::chrono::duration_cast<std::chrono::seconds>(*end - std::chrono::system_clock::now());
  return left.count() <= 0 ? "now" : "in " + short_duration(left);
}

int list(Invocation& run) {
  opensandbox::SandboxPage page = manager(run).list(filter_of(run));
  json::Array rows;
  std::string ids;
  for (const opensandbox::SandboxInfo& info : page.items) {
    json::Object row = sandbox_model(info);
    if (run.output().is_table()) {
      row["ends"] = remaining(info.expires_at);
      if (info.image.empty()) row["image"] = info.snapshot_id.empty() ? "-" : "snapshot " + info.snapshot_id;
    }
    rows.push_back(std::move(row));
    ids += info.id + "\n";
  }
  static constexpr Column kColumns[] = {{"ID", "id"},
                                        {"STATE", "status.state"},
                                        {"IMAGE", "image"},
                                        {"ENDS", "ends"},
                                        {"METADATA", "metadata"}};
  if (run.output().format() == Format::raw) {
    run.output().text(ids);
    return 0;
  }
  run.output().rows(rows, kColumns, "There are no sandboxes: osb sandbox create --image host makes one.");
  if (run.output().is_table() && page.page.has_next)
    run.output().text("Page " + std::to_string(page.page.number) + " of " + std::to_string(page.page.pages) +
                      "; --page " + std::to_string(page.page.number + 1) + " shows the next one.\n");
  return 0;
}

int get(Invocation& run) {
  run.output().record(sandbox_model(manager(run).get(run.argument("SANDBOX"))));
  return 0;
}

// One after the other; all are tried, and the first failure is what is told.
int kill(Invocation& run) {
  opensandbox::Manager server = manager(run);
  std::optional<opensandbox::Error> failure;
  std::vector<std::string> killed;
  for (const std::string& id : run.arguments("SANDBOX")) {
    try {
      server.kill(id);
      killed.push_back(id);
    } catch (const opensandbox::Error& error) {
      if (!failure) failure = error;
    }
  }
  if (!killed.empty()) {
    std::string all;
    for (const std::string& id : killed) all += (all.empty() ? "" : ", ") + id;
    run.output().done("Killed " + all, {{"killed", list_model(killed)}});
  }
  if (failure) throw *failure;
  return 0;
}

int pause(Invocation& run) {
  std::string id = run.argument("SANDBOX");
  manager(run).pause(id);
  run.output().done("Pause request accepted: " + id, {{"id", id}});
  return 0;
}

int resume(Invocation& run) {
  std::string id = run.argument("SANDBOX");
  opensandbox::Readiness readiness{.skip = run.flag("skip-health-check")};
  if (auto text = run.option("resume-timeout")) readiness.timeout = read_duration("--resume-timeout", *text);
  Interrupts interrupts;
  opensandbox::Sandbox::resume(id, connection(run), readiness, interrupts.token());
  run.output().done("Resumed " + id, {{"id", id}});
  return 0;
}

int renew(Invocation& run) {
  std::string id = run.argument("SANDBOX");
  auto life = std::chrono::ceil<opensandbox::Seconds>(read_duration("--timeout", run.required("timeout")));
  json::Value end = time_text(manager(run).renew(id, life));
  run.output().done(id + " ends at " + std::string(end.get_string()), {{"id", id}, {"expires_at", end}});
  return 0;
}

int endpoint(Invocation& run) {
  auto port = run.number("port", 1, 65535);
  if (!port) throw UsageProblem("--port is missing", run.line().path + " SANDBOX --port 8000");
  opensandbox::Sandbox sandbox = open_sandbox(run);
  auto number = static_cast<uint16_t>(*port);
  if (auto life = run.option("expires")) {
    auto end = std::chrono::system_clock::now() + read_duration("--expires", *life);
    run.output().record(endpoint_model(sandbox.signed_endpoint(number, end)));
  } else {
    run.output().record(endpoint_model(sandbox.endpoint(number)));
  }
  return 0;
}

int health(Invocation& run) {
  bool healthy = open_sandbox(run).healthy();
  run.output().record({{"id", run.argument("SANDBOX")}, {"healthy", healthy}});
  return healthy ? 0 : kExitFailure;
}

// The daemon measures once a second; until Ctrl-C.
int watch(Invocation& run, const opensandbox::Sandbox& sandbox) {
  Interrupts interrupts;
  do {
    json::Object model = metrics_model(sandbox.metrics(interrupts.token()));
    if (run.output().format() == Format::yaml) {
      run.output().text("---\n");
      run.output().record(model);
    } else {
      run.output().text(json::serialize(model) + "\n");
    }
  } while (interrupts.sleep(std::chrono::seconds(1)));
  return kExitInterrupted;
}

int metrics(Invocation& run) {
  opensandbox::Sandbox sandbox = open_sandbox(run);
  if (run.flag("watch")) return watch(run, sandbox);
  json::Object model = metrics_model(sandbox.metrics());
  if (run.output().format() == Format::raw) {
    run.output().text(json::serialize(model) + "\n");
  } else {
    run.output().record(model);
  }
  return 0;
}

constexpr Option kSources[] = {
    {"-i,--image", "IMAGE", "Image (default: setting defaults.image)"},
    {"--template", "ID", "Make it from a template; needs --timeout"},
    {"--snapshot-id", "ID", "Make it from a snapshot"},
    {"-f,--file", "FILE", "JSON of the whole request, in the names of the API; - is standard input"}};
constexpr auto kCreateOptions = with_new_sandbox_flags(kSources);
constexpr Option kListOptions[] = {{"-s,--state", "STATE", "Only in this state: running, paused, ...", true},
                                   {"-m,--metadata", "KEY=VALUE", "Only with this label", true},
                                   {"--page", "N", "Page, from 1"},
                                   {"--page-size", "N", "Sandboxes on a page (20)"}};
constexpr Option kResumeOptions[] = {{"--skip-health-check", "", "Do not wait until it answers"},
                                     {"--resume-timeout", "DURATION", "Longest wait until it answers (30s)"}};
constexpr Option kRenewOptions[] = {{"-t,--timeout", "DURATION", "Life from now on"}};
constexpr Option kEndpointOptions[] = {
    {"-p,--port", "PORT", "Port in the sandbox"},
    {"--expires", "DURATION", "An address that needs no headers, for that long"}};
constexpr Option kMetricsOptions[] = {{"--watch", "", "Again each second, until Ctrl-C"}};
constexpr Argument kSandboxes[] = {{"SANDBOX", "Ids of sandboxes", Count::some}};

const Command kCreate{.name = "create",
                      .summary = "Make a sandbox and wait until it answers",
                      .details =
                          "  osb sandbox create --image host --timeout 1h -e LANG=C.UTF-8\n"
                          "  ID=$(osb sandbox create --image host -o raw)",
                      .outputs = "table|json|yaml|raw",
                      .options = kCreateOptions,
                      .run = create};
const Command kList{.name = "list",
                    .summary = "List sandboxes",
                    .outputs = "table|json|yaml|raw",
                    .options = kListOptions,
                    .run = list};
const Command kGet{.name = "get",
                   .summary = "Show one sandbox",
                   .outputs = kFormats,
                   .arguments = kSandboxArgument,
                   .run = get};
const Command kKill{.name = "kill",
                    .summary = "End sandboxes with everything in them",
                    .outputs = kFormats,
                    .arguments = kSandboxes,
                    .run = kill};
const Command kPause{.name = "pause",
                     .summary = "Freeze all programs of a sandbox",
                     .outputs = kFormats,
                     .arguments = kSandboxArgument,
                     .run = pause};
const Command kResume{.name = "resume",
                      .summary = "Let a paused sandbox go on",
                      .outputs = kFormats,
                      .arguments = kSandboxArgument,
                      .options = kResumeOptions,
                      .run = resume};
const Command kRenew{.name = "renew",
                     .summary = "Set anew when a sandbox ends",
                     .details = "  osb sandbox renew SANDBOX --timeout 2h",
                     .outputs = kFormats,
                     .arguments = kSandboxArgument,
                     .options = kRenewOptions,
                     .run = renew};
const Command kEndpoint{.name = "endpoint",
                        .summary = "Show where a port of a sandbox is reached",
                        .outputs = kFormats,
                        .arguments = kSandboxArgument,
                        .options = kEndpointOptions,
                        .run = endpoint};
const Command kHealth{.name = "health",
                      .summary = "Ask a sandbox whether it answers; exit code 1 if not",
                      .outputs = kFormats,
                      .arguments = kSandboxArgument,
                      .run = health};
const Command kMetrics{.name = "metrics",
                       .summary = "Show CPU and memory of a sandbox",
                       .outputs = "table|json|yaml|raw",
                       .arguments = kSandboxArgument,
                       .options = kMetricsOptions,
                       .run = metrics};
const Command* const kChildren[] = {&kCreate, &kList,  &kGet,      &kKill,   &kPause,
                                    &kResume, &kRenew, &kEndpoint, &kHealth, &kMetrics};

}  // namespace

const Command kSandbox{
    .name = "sandbox", .summary = "Make, look at and end sandboxes", .children = kChildren};

}  // namespace osb::cli
