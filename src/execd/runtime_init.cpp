#include "execd/runtime_init.h"

#include <algorithm>

#include "base/defer.h"
#include "base/digest.h"
#include "base/ids.h"
#include "execd/request_body.h"

namespace osb::execd {
namespace {

constexpr uint64_t kBodyBytes = 1024 * 1024;
constexpr std::string_view kHashKind = "sha256:";

std::string text_of(const json::Value* value, const char* name) {
  if (!value || value->is_null()) return {};
  if (!value->is_string()) refuse_body(std::string(name) + ": expected a string");
  return std::string(value->get_string());
}

std::string hash_of(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  bool good = text.starts_with(kHashKind) && text.size() == kHashKind.size() + 64 &&
              text.find_first_not_of("0123456789abcdef", kHashKind.size()) == std::string::npos;
  if (!good) refuse_body("accessTokenHash: expected sha256: and 64 hex digits");
  return text.substr(kHashKind.size());
}

json::Value generation_of(const json::Value* value) {
  if (!value || value->is_null()) return nullptr;
  if (!value->is_string() && !value->is_int64() && !value->is_uint64())
    refuse_body("generation: expected a whole number or a string");
  return *value;
}

template <class Use>
void for_each_text(const json::Value* value, const char* name, Use use) {
  if (!value || value->is_null()) return;
  if (!value->is_object()) refuse_body(std::string(name) + ": expected an object");
  for (const auto& [key, item] : value->get_object()) {
    std::string text = text_of(&item, name);
    bool bad = key.empty() || (std::string(key) + text).find('\0') != std::string::npos ||
               key.find('=') != std::string_view::npos;
    if (bad) refuse_body(std::string(name) + ": " + std::string(key) + " is no name of a variable");
    use(std::string(key), std::move(text));
  }
}

bool restart_of(const json::Value* value) {
  std::string policy = text_of(value, "entrypointPolicy");
  if (!policy.empty() && policy != "keep" && policy != "restart")
    refuse_body("entrypointPolicy: expected keep or restart");
  return policy == "restart";
}

}  // namespace

InitRequest parse_init_request(std::string_view body) {
  json::Object given = parse_request_object(body);
  auto member = [&](std::string_view name) { return detail::find_member(given, name); };
  InitRequest out;
  out.sandbox_id = text_of(member("sandboxId"), "sandboxId");
  if (out.sandbox_id.empty()) refuse_body("sandboxId: required");
  out.generation = generation_of(member("generation"));
  out.token_hash = hash_of(text_of(member("accessTokenHash"), "accessTokenHash"));
  for_each_text(member("envs"), "envs",
                [&](std::string name, std::string text) { out.envs[std::move(name)] = std::move(text); });
  remove_private_variables(out.envs);
  if (const json::Value* lifecycle = member("lifecycle"); lifecycle && !lifecycle->is_null())
    out.lifecycle = parse_lifecycle(*lifecycle);
  if (const json::Value* telemetry = member("telemetry"); telemetry && !telemetry->is_null()) {
    if (!telemetry->is_object()) refuse_body("telemetry: expected an object");
    for_each_text(detail::find_member(telemetry->get_object(), "attributes"), "telemetry.attributes",
                  [&](std::string name, std::string text) {
                    out.attributes.emplace_back(std::move(name), std::move(text));
                  });
  }
  out.restart_entrypoint = restart_of(member("entrypointPolicy"));
  return out;
}

bool RuntimeInit::accepts(std::string_view token) const {
  return token_hash_.empty() || equal_in_constant_time(sha256_hex(token), token_hash_);
}

net::task<> RuntimeInit::answer_ready(http::ResponseWriter& response) const {
  json::Object body;
  body["initialized"] = initialized_;
  if (!sandbox_id_.empty()) body["sandboxId"] = sandbox_id_;
  if (!generation_.is_null()) body["generation"] = generation_;
  return response.send({initialized_ ? 200 : 503,
                        {{"Content-Type", "application/json; charset=utf-8"}},
                        json::serialize(body)});
}

net::task<> RuntimeInit::handle_init(http::Request& request, http::ResponseWriter& response,
                                     const Apply& apply) {
  auto check_free = [this] {
    if (initialized_ || busy_)
      throw Error(ErrorCode::conflict, "initialising: it was done already", "ALREADY_INITIALIZED");
  };
  check_free();
  InitRequest init = parse_init_request(co_await request.body->read_all(kBodyBytes));
  check_free();  // another one may have come meanwhile
  busy_ = true;
  Defer done([this] { busy_ = false; });
  std::string sandbox_id = init.sandbox_id, token_hash = init.token_hash;
  json::Value generation = init.generation;
  co_await apply(std::move(init));
  sandbox_id_ = std::move(sandbox_id);
  token_hash_ = std::move(token_hash);
  generation_ = std::move(generation);
  initialized_ = true;
  co_await response.send(
      {200, {{"Content-Type", "application/json; charset=utf-8"}}, R"({"status":"initialized"})"});
}

}  // namespace osb::execd
