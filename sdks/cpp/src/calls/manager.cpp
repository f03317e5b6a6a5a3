#include <opensandbox/manager.h>

#include "transport/client.h"
#include "wire/lifecycle.h"
#include "wire/text.h"

namespace opensandbox {

using namespace detail;

namespace {

Reply ask(const Client& client, const Call& call, const std::stop_token& stop) {
  return client.call(client.server(), call, stop);
}

SandboxInfo ask_sandbox(const Client& client, const Call& call, const std::stop_token& stop) {
  return read_sandbox(ask(client, call, stop), call.doing);
}

SnapshotInfo ask_snapshot(const Client& client, const Call& call, const std::stop_token& stop) {
  return read_snapshot(ask(client, call, stop), call.doing);
}

std::string snapshot_path(const std::string& id) {
  return "/snapshots/" + segment(not_blank(id, "snapshot id"));
}

Diagnostics ask_diagnostics(const Client& client, const Call& call, const std::stop_token& stop) {
  return read_diagnostics(read_object(ask(client, call, stop), call.doing));
}

}  // namespace

Manager::Manager(const ConnectionConfig& config) : client_(std::make_shared<Client>(config)) {}
const ConnectionConfig& Manager::config() const { return client_->config(); }

SandboxPage Manager::list(const SandboxFilter& filter, std::stop_token stop) const {
  Call call = list_call(filter);
  return read_sandbox_page(ask(*client_, call, stop), call.doing);
}

void Manager::each(SandboxFilter filter, const std::function<void(const SandboxInfo&)>& visit,
                   std::stop_token stop) const {
  for (int number = filter.page.value_or(1);; number++) {
    filter.page = number;
    SandboxPage page = list(filter, stop);
    for (const SandboxInfo& info : page.items) visit(info);
    if (!page.page.has_next || page.items.empty()) return;
  }
}

SandboxInfo Manager::get(const std::string& id, std::stop_token stop) const {
  return ask_sandbox(*client_, json_call("GET", sandbox_path(id), "get sandbox " + id), stop);
}

void Manager::kill(const std::string& id, std::stop_token stop) const {
  ask(*client_, json_call("DELETE", sandbox_path(id), "kill sandbox " + id), stop);
}

void Manager::pause(const std::string& id, std::stop_token stop) const {
  ask(*client_, json_call("POST", sandbox_path(id) + "/pause", "pause sandbox " + id), stop);
}

void Manager::resume(const std::string& id, std::stop_token stop) const {
  ask(*client_, json_call("POST", sandbox_path(id) + "/resume", "resume sandbox " + id), stop);
}

Time Manager::renew(const std::string& id, Seconds timeout, std::stop_token stop) const {
  Time until = std::chrono::system_clock::now() + timeout;
  Call call = renew_call(id, until);
  return find_time(read_object(ask(*client_, call, stop), call.doing), "expiresAt").value_or(until);
}

SandboxInfo Manager::patch_metadata(const std::string& id, const MetadataPatch& patch,
                                    std::stop_token stop) const {
  return ask_sandbox(*client_, patch_metadata_call(id, patch), stop);
}

Endpoint Manager::endpoint(const std::string& id, uint16_t port, std::stop_token stop) const {
  Call call = endpoint_call(id, port, config().use_server_proxy, std::nullopt);
  return read_endpoint(ask(*client_, call, stop), call.doing);
}

SnapshotInfo Manager::create_snapshot(const std::string& sandbox_id, const std::string& name,
                                      std::stop_token stop) const {
  Object body;
  if (!name.empty()) body["name"] = name;
  std::string path = sandbox_path(sandbox_id) + "/snapshots";
  return ask_snapshot(*client_, json_call("POST", path, "make a snapshot of sandbox " + sandbox_id, body),
                      stop);
}

SnapshotInfo Manager::snapshot(const std::string& id, std::stop_token stop) const {
  return ask_snapshot(*client_, json_call("GET", snapshot_path(id), "get snapshot " + id), stop);
}

SnapshotPage Manager::list_snapshots(const SnapshotFilter& filter, std::stop_token stop) const {
  Call call = list_snapshots_call(filter);
  return read_snapshot_page(ask(*client_, call, stop), call.doing);
}

void Manager::delete_snapshot(const std::string& id, std::stop_token stop) const {
  ask(*client_, json_call("DELETE", snapshot_path(id), "delete snapshot " + id), stop);
}

Diagnostics Manager::diagnostic_logs(const std::string& id, const std::string& scope,
                                     std::stop_token stop) const {
  return ask_diagnostics(*client_, diagnostics_call(id, "logs", scope), stop);
}

Diagnostics Manager::diagnostic_events(const std::string& id, const std::string& scope,
                                       std::stop_token stop) const {
  return ask_diagnostics(*client_, diagnostics_call(id, "events", scope), stop);
}

std::string Manager::diagnostic_text(const std::string& id, const std::string& kind, const StringMap& options,
                                     std::stop_token stop) const {
  QueryPairs pairs(options.begin(), options.end());
  Call call = json_call("GET", sandbox_path(id) + "/diagnostics/" + segment(kind) + query(pairs),
                        "get " + kind + " of sandbox " + id);
  call.headers.set("Accept", "text/plain");
  return ask(*client_, call, stop).body;
}

bool Manager::healthy(std::stop_token stop) const {
  Target bare = client_->server();
  bare.address.path.resize(bare.address.path.size() - std::string_view("/v1").size());
  try {
    client_->call_once(bare, json_call("GET", "/health", "ask whether the server is healthy"),
                       client_->wait(stop));
    return true;
  } catch (const Error&) {
    return false;
  }
}

std::string Manager::call(const std::string& method, const std::string& path, const std::string& json_body,
                          std::stop_token stop) const {
  Call call = json_call(method, path, method + " " + path);
  call.body = json_body;
  if (!json_body.empty()) call.content_type = "application/json";
  return ask(*client_, call, stop).body;
}

}  // namespace opensandbox
