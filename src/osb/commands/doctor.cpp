// osb doctor: why can't I reach my sandbox? Each check needs the ones before it; the first that fails says
// what to do.
#include <opensandbox/manager.h>

#include <functional>

#include "osb/commands/all.h"
#include "osb/connection.h"
#include "osb/problem.h"
#include "osb/sdk_problem.h"
#include "osb/tcp_probe.h"
#include "osb/text_width.h"

namespace osb::cli {

namespace {

constexpr auto kLimit = std::chrono::seconds(5);
constexpr uint16_t kDaemonPort = 44772;

struct Finding {
  std::string name, state, detail, advice;
};

// Keeps what was found; after a failure everything that depends on it is passed over.
class Examination {
 public:
  // `check` returns what is worth telling, or throws.
  void look(const std::string& name, const std::string& advice, const std::function<std::string()>& check) {
    if (failed_) {
      findings_.push_back({name, "skipped", "", ""});
      return;
    }
    try {
      findings_.push_back({name, "ok", check(), ""});
    } catch (const Problem& problem) {
      fail(name, problem, advice);
    } catch (const opensandbox::Error& error) {
      fail(name, sdk_problem(error), advice);
    }
  }
  bool failed() const { return failed_; }

  void print(Invocation& run) const {
    const Output& output = run.output();
    if (!output.is_table()) {
      json::Array rows;
      for (const Finding& each : findings_)
        rows.push_back(json::Object{
            {"check", each.name}, {"state", each.state}, {"detail", each.detail}, {"advice", each.advice}});
      output.rows(rows, {}, "");
      return;
    }
    for (const Finding& each : findings_) output.text(line(each, output.style()));
    output.text(failed_ ? "\nSomething is in the way: see the line that failed.\n" : "\nAll is well.\n");
  }

 private:
  void fail(const std::string& name, const Problem& problem, const std::string& advice) {
    failed_ = true;
    bool ours = problem.advice.empty() || problem.advice.starts_with("osb doctor");
    findings_.push_back({name, "failed", problem.message, ours ? advice : problem.advice});
  }

  static std::string line(const Finding& each, const TableStyle& style) {
    const char* color = each.state == "ok" ? "\x1b[32m" : each.state == "failed" ? "\x1b[31m" : "\x1b[2m";
    std::string state = pad(each.state, 9);
    std::string out = style.color ? color + state + "\x1b[0m" : state;
    out += each.detail.empty() ? each.name : pad(each.name, 17) + visible(each.detail);
    if (!each.advice.empty()) out += "\n         try: " + each.advice;
    return out + "\n";
  }

  std::vector<Finding> findings_;
  bool failed_ = false;
};

std::string where_from(const Settings& settings) {
  std::string out = settings.protocol.value + "://" + settings.domain.value + " (" +
                    std::string(to_string(settings.domain.source)) + ")";
  out += settings.api_key.value.empty() ? ", no key"
                                        : ", key from " + std::string(to_string(settings.api_key.source));
  return out + (settings.use_server_proxy.value ? ", through the server" : "");
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : ", ") + word;
  return out;
}

void look_at_server(Invocation& run, Examination& examination, HostPort& server) {
  examination.look("configuration", "osb config show", [&] {
    const Settings& settings = run.settings();
    server = split_address(settings.domain.value, settings.protocol.value == "https");
    connection(run).base_url();  // refuses what cannot be meant
    return where_from(settings);
  });
  examination.look("host name",
                   "is the name right? --domain HOST:PORT, or osb config set connection.domain HOST:PORT",
                   [&] { return server.host + " is " + joined(look_up(server)); });
  examination.look("connection",
                   "does the server run there? On its machine: osb server start. Is a firewall between?",
                   [&] {
                     connect_to(server, kLimit);
                     return "port " + server.port + " is open";
                   });
  examination.look("server", "is it an OpenSandbox server, and is --protocol right?", [&]() -> std::string {
    if (server.secure) return "by https";
    return visible(fetch(server, "/version", kLimit));
  });
  examination.look("key", "--api-key KEY, OPEN_SANDBOX_API_KEY, or osb config set connection.api_key KEY",
                   [&] {
                     auto page = opensandbox::Manager(connection(run)).list({.page_size = 1});
                     return "accepted; " + std::to_string(page.page.items) + " sandboxes";
                   });
}

std::string state_of(Invocation& run, const std::string& id) {
  opensandbox::SandboxInfo info = opensandbox::Manager(connection(run)).get(id);
  if (info.status.state == "Running") return "Running";
  std::string why = info.status.message.empty() ? info.status.reason : info.status.message;
  std::string advice = info.status.state == "Paused" ? "osb sandbox resume " + id : "make a new one";
  throw Problem("CONFLICT", "it is " + info.status.state + (why.empty() ? "" : ": " + why), advice);
}

void look_at_sandbox(Invocation& run, Examination& examination, const std::string& id) {
  HostPort daemon;
  std::optional<opensandbox::Sandbox> sandbox;
  examination.look("sandbox", "osb sandbox list", [&] { return state_of(run, id); });
  examination.look("its address", "osb sandbox endpoint " + id + " --port 44772", [&] {
    sandbox = open_sandbox(run, id);
    opensandbox::Endpoint endpoint = sandbox->endpoint(kDaemonPort);
    daemon = split_address(endpoint.address, run.settings().protocol.value == "https");
    return endpoint.address;
  });
  examination.look("way there",
                   "this machine has no route to sandboxes: --use-server-proxy goes through the server", [&] {
                     connect_to(daemon, kLimit);
                     return "port " + daemon.port + " is open";
                   });
  examination.look("daemon", "the sandbox may be out of memory: osb sandbox get " + id, [&]() -> std::string {
    if (!sandbox->healthy()) throw Problem("NOT_READY", "asking the daemon in it: no answer");
    return "answers";
  });
  examination.look("command", "osb exec " + id + " true", [&]() -> std::string {
    opensandbox::Execution done = sandbox->commands().run("true");
    if (done.exit_code != 0) throw Problem("FAILED", "running true: it failed");
    return "true ran";
  });
}

int doctor(Invocation& run) {
  Examination examination;
  HostPort server;
  look_at_server(run, examination, server);
  if (std::string id = run.argument("SANDBOX"); !id.empty()) look_at_sandbox(run, examination, id);
  examination.print(run);
  return examination.failed() ? kExitFailure : 0;
}

constexpr Argument kArguments[] = {{"SANDBOX", "One that cannot be reached", Count::optional}};

}  // namespace

const Command kDoctor{.name = "doctor",
                      .summary = "Find out what is in the way to the server or a sandbox",
                      .details =
                          "Checks configuration, name, connection, server and key, and of a sandbox its\n"
                          "state, address and daemon, in this order. Exit code 1 if one fails.",
                      .outputs = "table|json|yaml",
                      .arguments = kArguments,
                      .run = doctor};

}  // namespace osb::cli
