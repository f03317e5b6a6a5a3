#include <opensandbox/sandbox.h>

#include "calls/link.h"
#include "calls/readiness.h"
#include "wire/answer_error.h"
#include "wire/lifecycle.h"
#include "wire/text.h"

namespace opensandbox {

using namespace detail;

namespace {

std::shared_ptr<Link> make_link(std::shared_ptr<Client> client, std::string id, const Readiness& readiness) {
  auto link = std::make_shared<Link>(std::move(client), std::move(id));
  link->check = readiness.check;
  return link;
}

// The caller's stop must not keep a half-made sandbox alive, so this does not listen to it.
void give_up(Link& link) noexcept {
  try {
    link.call_server(json_call("DELETE", sandbox_path(link.id), "kill sandbox " + link.id), {});
  } catch (...) {}
}

}  // namespace

Sandbox Sandbox::create(const CreateOptions& options, const ConnectionConfig& config, std::stop_token stop) {
  Call call = create_call(options);
  auto client = std::make_shared<Client>(config);
  Reply reply = client->call(client->server(), call, stop);
  std::string id = text_of(read_object(reply, call.doing), "id");
  if (id.empty()) throw_unexpected(reply, call.doing, "the answer has no id");
  Sandbox sandbox(make_link(std::move(client), std::move(id), options.readiness));
  try {
    get_ready(sandbox, options.readiness, stop);
  } catch (...) {
    give_up(*sandbox.link_);
    throw;
  }
  return sandbox;
}

Sandbox Sandbox::connect(const std::string& id, const ConnectionConfig& config, const Readiness& readiness,
                         std::stop_token stop) {
  Sandbox sandbox(make_link(std::make_shared<Client>(config), not_blank(id, "sandbox id"), readiness));
  get_ready(sandbox, readiness, stop);
  return sandbox;
}

Sandbox Sandbox::resume(const std::string& id, const ConnectionConfig& config, const Readiness& readiness,
                        std::stop_token stop) {
  Sandbox sandbox(make_link(std::make_shared<Client>(config), not_blank(id, "sandbox id"), readiness));
  sandbox.link_->call_server(json_call("POST", sandbox_path(id) + "/resume", "resume sandbox " + id), stop);
  get_ready(sandbox, readiness, stop);
  return sandbox;
}

const std::string& Sandbox::id() const { return link_->id; }
const ConnectionConfig& Sandbox::config() const { return link_->client->config(); }

SandboxInfo Sandbox::info(std::stop_token stop) const {
  Call call = json_call("GET", sandbox_path(id()), "get sandbox " + id());
  return read_sandbox(link_->call_server(call, stop), call.doing);
}

Endpoint Sandbox::endpoint(uint16_t port, std::stop_token stop) const {
  Call call = endpoint_call(id(), port, config().use_server_proxy, std::nullopt);
  return read_endpoint(link_->call_server(call, stop), call.doing);
}

Endpoint Sandbox::signed_endpoint(uint16_t port, Time expires, std::stop_token stop) const {
  int64_t seconds = std::chrono::duration_cast<Seconds>(expires.time_since_epoch()).count();
  Call call = endpoint_call(id(), port, config().use_server_proxy, seconds);
  return read_endpoint(link_->call_server(call, stop), call.doing);
}

Time Sandbox::renew(Seconds timeout, std::stop_token stop) const {
  Call call = renew_call(id(), std::chrono::system_clock::now() + timeout);
  Reply reply = link_->call_server(call, stop);
  auto until = find_time(read_object(reply, call.doing), "expiresAt");
  if (!until) throw_unexpected(reply, call.doing, "the answer has no expiresAt");
  return *until;
}

SandboxInfo Sandbox::patch_metadata(const MetadataPatch& patch, std::stop_token stop) const {
  Call call = patch_metadata_call(id(), patch);
  return read_sandbox(link_->call_server(call, stop), call.doing);
}

void Sandbox::pause(std::stop_token stop) const {
  link_->call_server(json_call("POST", sandbox_path(id()) + "/pause", "pause sandbox " + id()), stop);
}

void Sandbox::kill(std::stop_token stop) const {
  link_->call_server(json_call("DELETE", sandbox_path(id()), "kill sandbox " + id()), stop);
}

SnapshotInfo Sandbox::create_snapshot(const std::string& name, std::stop_token stop) const {
  Object body;
  if (!name.empty()) body["name"] = name;
  Call call =
      json_call("POST", sandbox_path(id()) + "/snapshots", "make a snapshot of sandbox " + id(), body);
  return read_snapshot(link_->call_server(call, stop), call.doing);
}

bool Sandbox::healthy(std::stop_token stop) const {
  try {
    Sandbox same = *this;
    return is_ready(same, link_->client->wait(stop));
  } catch (const std::exception&) {
    return false;
  }
}

void Sandbox::wait_ready(const Readiness& readiness, std::stop_token stop) const {
  Sandbox same = *this;
  get_ready(same, readiness, stop);
}

Commands Sandbox::commands() const { return Commands(link_); }
Files Sandbox::files() const { return Files(link_, ""); }
Codes Sandbox::codes() const { return Codes(link_); }
Isolation Sandbox::isolation() const { return Isolation(link_); }
Terminals Sandbox::terminals() const { return Terminals(link_); }
Egress Sandbox::egress() const { return Egress(link_); }
CredentialVault Sandbox::vault() const { return CredentialVault(link_); }

Files Sandbox::files_as(uint32_t uid, uint32_t gid) const {
  return Files(link_, "/v1/filesystem/" + std::to_string(uid) + "/" + std::to_string(gid));
}

Diagnostics Sandbox::diagnostic_logs(const std::string& scope, std::stop_token stop) const {
  return link_->diagnostics("logs", scope, stop);
}

Diagnostics Sandbox::diagnostic_events(const std::string& scope, std::stop_token stop) const {
  return link_->diagnostics("events", scope, stop);
}

}  // namespace opensandbox
