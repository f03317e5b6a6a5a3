#include "api/create_request.h"

#include "api/coercion.h"
#include "api/hooks.h"
#include "api/validation.h"
#include "api/volume.h"

namespace osb::api {

namespace {

void read_image(CreateRequest& out, const Fields& fields, Problems& problems) {
  const json::Value* image = fields.find("image");
  if (!image) return;
  Fields members(*image, fields.at("image"), problems);
  out.image = trim(members.required_text("uri").value_or(""));
  if (const json::Value* auth = members.find("auth")) {
    Fields secret(*auth, members.at("auth"), problems);
    secret.required_text("username");
    secret.required_text("password");
    out.image_auth = true;
  }
}

void read_platform(CreateRequest& out, const Fields& fields, Problems& problems) {
  const json::Value* platform = fields.find("platform");
  if (!platform) return;
  Fields members(*platform, fields.at("platform"), problems);
  auto os = members.required_text("os");
  auto arch = members.required_text("arch");
  if (os && arch) out.platform = Platform{*os, *arch};
}

void read_volumes(CreateRequest& out, const Fields& fields, Problems& problems) {
  const json::Value* volumes = fields.find("volumes");
  if (!volumes) return;
  if (!volumes->is_array()) {
    problems.add({"list_type", fields.at("volumes"), "expected a list", *volumes, std::nullopt});
    return;
  }
  int64_t i = 0;
  for (const json::Value& volume : volumes->get_array())
    check_volume(volume, fields.at("volumes") + Step(i++), problems);
  out.volumes = i > 0;
}

void read_members(CreateRequest& out, const Fields& fields, Problems& problems) {
  read_image(out, fields, problems);
  out.snapshot_id = trim(fields.text("snapshotId").value_or(""));
  read_platform(out, fields, problems);
  out.timeout_seconds = fields.integer("timeout", {.least = 60});
  if (auto limits = fields.text_map("resourceLimits")) out.resource_limits = std::move(*limits);
  fields.text_map("resourceRequests");  // scheduling hints for clusters; limits here are ceilings only
  if (auto env = fields.text_map("env", true)) out.env = std::move(*env);
  if (auto metadata = fields.text_map("metadata")) out.metadata = std::move(*metadata);
  if (const json::Value* hooks = fields.find("lifecycle"))
    out.hooks = read_hooks(*hooks, fields.at("lifecycle"), problems);
  if (auto entrypoint = fields.texts("entrypoint", 1)) out.entrypoint = std::move(*entrypoint);
  if (const json::Value* policy = fields.find("networkPolicy")) {
    check_network_policy(*policy, fields.at("networkPolicy"), problems);
    out.network_policy = true;
  }
  if (const json::Value* proxy = fields.find("credentialProxy"))
    out.credential_proxy = Fields(*proxy, fields.at("credentialProxy"), problems).flag("enabled", false);
  out.secure_access = fields.flag("secureAccess", false);
  read_volumes(out, fields, problems);
  if (auto extensions = fields.text_map("extensions")) out.extensions = std::move(*extensions);
  out.template_id = trim(fields.text("templateId").value_or(""));
}

// Rules over several members; the first broken one is reported.
const char* broken_rule(const CreateRequest& request, const Fields& fields) {
  if (request.env.contains(std::string(kHooksEnv)))
    return "env: OPENSANDBOX_LIFECYCLE is reserved for the system";
  if (!request.template_id.empty()) return nullptr;
  if (!request.pool().empty())
    return request.snapshot_id.empty() ? nullptr : "snapshotId and poolRef exclude each other";
  if (request.credential_proxy && !request.network_policy) return "credentialProxy needs a networkPolicy";
  if (request.image.empty() == request.snapshot_id.empty())
    return "exactly one of image and snapshotId must be given";
  if (!request.image.empty() && request.entrypoint.empty()) return "an entrypoint is required with an image";
  if (!fields.find("resourceLimits")) return "resourceLimits is required unless a poolRef is given";
  return nullptr;
}

}  // namespace

std::string CreateRequest::pool() const {
  auto found = extensions.find("poolRef");
  return found == extensions.end() ? std::string() : std::string(trim(found->second));
}

CreateRequest parse_create_request(std::string_view body) {
  json::Value value = parse_body(body);
  Problems problems;
  Fields fields(value, {"body"}, problems);
  CreateRequest out;
  read_members(out, fields, problems);
  problems.throw_if_any();
  if (const char* rule = broken_rule(out, fields)) {
    problems.add(rule_problem({"body"}, rule, value));
    problems.throw_if_any();
  }
  return out;
}

}  // namespace osb::api
