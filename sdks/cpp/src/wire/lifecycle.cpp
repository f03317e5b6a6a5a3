#include "wire/lifecycle.h"

#include "wire/answer_error.h"
#include "wire/paging.h"
#include "wire/text.h"

namespace opensandbox::detail {
namespace {

std::optional<std::string> given(const std::string& text) {
  return text.empty() ? std::nullopt : std::optional(text);
}

const char* action_name(NetworkRule::Action action) {
  return action == NetworkRule::Action::allow ? "allow" : "deny";
}

NetworkRule::Action read_action(const std::string& name) {
  return lower(name) == "allow" ? NetworkRule::Action::allow : NetworkRule::Action::deny;
}

Status read_status(const Object& object) {
  const Object* status = find_object(object, "status");
  if (!status) return {};
  return {text_of(*status, "state"), text_of(*status, "reason"), text_of(*status, "message"),
          find_time(*status, "lastTransitionAt")};
}

SandboxInfo read_sandbox(const Object& object) {
  SandboxInfo info;
  info.id = text_of(object, "id");
  info.status = read_status(object);
  if (const Object* image = find_object(object, "image")) info.image = text_of(*image, "uri");
  info.snapshot_id = text_of(object, "snapshotId");
  info.entrypoint = texts_of(object, "entrypoint");
  info.created_at = find_time(object, "createdAt");
  info.expires_at = find_time(object, "expiresAt");
  if (const Object* platform = find_object(object, "platform"))
    info.platform = Platform{text_of(*platform, "os"), text_of(*platform, "arch")};
  info.metadata = map_of(object, "metadata");
  info.extensions = map_of(object, "extensions");
  return info;
}

SnapshotInfo read_snapshot(const Object& object) {
  return {text_of(object, "id"), text_of(object, "sandboxId"), text_of(object, "name"), read_status(object),
          find_time(object, "createdAt")};
}

// What callers cannot do without.
template <class Info>
Info whole(Info info, const Reply& reply, const std::string& doing) {
  if (info.id.empty() || info.status.state.empty() || !info.created_at)
    throw_unexpected(reply, doing, "the answer lacks id, state or createdAt");
  return info;
}

}  // namespace

std::string sandbox_path(const std::string& id) {
  return "/sandboxes/" + segment(not_blank(id, "sandbox id"));
}

Call endpoint_call(const std::string& id, int port, bool by_proxy, std::optional<int64_t> expires) {
  if (port < 1 || port > 65535) throw Error(ErrorCode::invalid_argument, "port must be from 1 to 65535");
  QueryPairs pairs{{"use_server_proxy", by_proxy ? "true" : "false"}};
  if (expires) pairs.emplace_back("expires", std::to_string(*expires));
  std::string path = sandbox_path(id) + "/endpoints/" + std::to_string(port) + query(pairs);
  return json_call("GET", path, "find port " + std::to_string(port) + " of sandbox " + id);
}

Call list_call(const SandboxFilter& filter) {
  QueryPairs pairs;
  for (const std::string& state : filter.states) pairs.emplace_back("state", state);
  if (!filter.metadata.empty()) pairs.emplace_back("metadata", metadata_filter(filter.metadata));
  add_page(pairs, filter.page, filter.page_size);
  return json_call("GET", "/sandboxes" + query(pairs), "list sandboxes");
}

Call list_snapshots_call(const SnapshotFilter& filter) {
  QueryPairs pairs{{"sandboxId", given(filter.sandbox_id)}, {"name", given(filter.name)}};
  for (const std::string& state : filter.states) pairs.emplace_back("state", state);
  add_page(pairs, filter.page, filter.page_size);
  return json_call("GET", "/snapshots" + query(pairs), "list snapshots");
}

Call renew_call(const std::string& id, Time until) {
  return json_call("POST", sandbox_path(id) + "/renew-expiration", "renew sandbox " + id,
                   Object{{"expiresAt", format_time(until)}});
}

Call patch_metadata_call(const std::string& id, const MetadataPatch& patch) {
  Object body;
  for (const auto& [name, value] : patch) body[name] = value ? Value(*value) : Value(nullptr);
  Call call =
      json_call("PATCH", sandbox_path(id) + "/metadata", "change the metadata of sandbox " + id, body);
  call.content_type = "application/merge-patch+json";
  return call;
}

Call diagnostics_call(const std::string& id, const std::string& kind, const std::string& scope) {
  std::string path =
      sandbox_path(id) + "/diagnostics/" + kind + query({{"scope", not_blank(scope, "scope")}});
  return json_call("GET", path, "get " + kind + " of sandbox " + id);
}

Value rules_to_json(const std::vector<NetworkRule>& rules) {
  Array list;
  for (const NetworkRule& rule : rules)
    list.push_back(
        Object{{"action", action_name(rule.action)}, {"target", not_blank(rule.target, "target of a rule")}});
  return list;
}

Value policy_to_json(const NetworkPolicy& policy) {
  return Object{{"defaultAction", action_name(policy.default_action)},
                {"egress", rules_to_json(policy.egress)}};
}

NetworkPolicy read_policy(const Object& object) {
  NetworkPolicy policy;
  if (auto action = find_text(object, "defaultAction")) policy.default_action = read_action(*action);
  if (const Array* rules = find_array(object, "egress"))
    for (const Value& rule : *rules)
      if (const Object* one = rule.if_object())
        policy.egress.push_back({read_action(text_of(*one, "action")), text_of(*one, "target")});
  return policy;
}

SandboxInfo read_sandbox(const Reply& reply, const std::string& doing) {
  return whole(read_sandbox(read_object(reply, doing)), reply, doing);
}

SandboxPage read_sandbox_page(const Reply& reply, const std::string& doing) {
  return read_items<SandboxPage>(
      reply, doing, [&](const Object& object) { return whole(read_sandbox(object), reply, doing); });
}

Endpoint read_endpoint(const Reply& reply, const std::string& doing) {
  Object object = read_object(reply, doing);
  Endpoint endpoint{text_of(object, "endpoint"), map_of(object, "headers"),
                    std::string(reply.headers.get("OPEN-SANDBOX-ORIGIN"))};
  if (size_t scheme = endpoint.address.find("://"); scheme != std::string::npos)
    endpoint.address.erase(0, scheme + 3);
  if (endpoint.address.empty()) throw_unexpected(reply, doing, "the answer has no endpoint");
  return endpoint;
}

SnapshotInfo read_snapshot(const Reply& reply, const std::string& doing) {
  return whole(read_snapshot(read_object(reply, doing)), reply, doing);
}

SnapshotPage read_snapshot_page(const Reply& reply, const std::string& doing) {
  return read_items<SnapshotPage>(
      reply, doing, [&](const Object& object) { return whole(read_snapshot(object), reply, doing); });
}

Diagnostics read_diagnostics(const Object& object) {
  Diagnostics found;
  found.sandbox_id = text_of(object, "sandboxId");
  found.kind = text_of(object, "kind");
  found.scope = text_of(object, "scope");
  found.delivery = text_of(object, "delivery");
  found.content_type = text_of(object, "contentType");
  found.content = text_of(object, "content");
  found.content_url = text_of(object, "contentUrl");
  found.content_length = find_int(object, "contentLength");
  found.truncated = bool_of(object, "truncated");
  found.expires_at = find_time(object, "expiresAt");
  found.warnings = texts_of(object, "warnings");
  return found;
}

Metrics read_metrics(const Object& object) {
  return {number_of(object, "cpu_count"), number_of(object, "cpu_used_pct"),
          number_of(object, "mem_total_mib"), number_of(object, "mem_used_mib"), int_of(object, "timestamp")};
}

}  // namespace opensandbox::detail
