// The body of a create. Members without a value are left out, but `timeout`, whose null means "never".
#include "wire/lifecycle.h"
#include "wire/text.h"

namespace opensandbox::detail {
namespace {

[[noreturn]] void refuse(const char* why) {
  throw Error(ErrorCode::invalid_argument, std::string("create a sandbox: ") + why);
}

void put(Object& body, std::string_view name, const StringMap& map) {
  if (!map.empty()) body[name] = to_json(map);
}

Value image_json(const CreateOptions& options) {
  Object image{{"uri", options.image}};
  if (options.image_auth)
    image["auth"] =
        Object{{"username", options.image_auth->username}, {"password", options.image_auth->password}};
  return image;
}

Object source_json(const HostVolume& host) { return {{"host", Object{{"path", host.path}}}}; }

Object source_json(const PersistentVolume& pvc) {
  Object body{{"claimName", pvc.claim_name},
              {"createIfNotExists", pvc.create_if_not_exists},
              {"deleteOnSandboxTermination", pvc.delete_on_sandbox_termination}};
  if (pvc.storage_class) body["storageClass"] = *pvc.storage_class;
  if (pvc.storage) body["storage"] = *pvc.storage;
  if (!pvc.access_modes.empty()) body["accessModes"] = to_json(pvc.access_modes);
  return {{"pvc", body}};
}

Object source_json(const BucketVolume& bucket) {
  Object body{{"bucket", bucket.bucket},
              {"endpoint", bucket.endpoint},
              {"version", bucket.version},
              {"accessKeyId", bucket.access_key_id},
              {"accessKeySecret", bucket.access_key_secret}};
  if (!bucket.options.empty()) body["options"] = to_json(bucket.options);
  return {{"ossfs", body}};
}

Value volume_json(const Volume& volume) {
  if (blank(volume.name) || !volume.mount_path.starts_with('/'))
    refuse("a volume needs a name and an absolute mount_path");
  Object body = std::visit([](const auto& source) { return source_json(source); }, volume.source);
  body["name"] = volume.name;
  body["mountPath"] = volume.mount_path;
  body["readOnly"] = volume.read_only;
  if (volume.sub_path) body["subPath"] = *volume.sub_path;
  return body;
}

Object hook_json(const LifecycleHook& hook) {
  if (hook.command.empty()) refuse("a lifecycle hook needs a command");
  Object body{{"command", to_json(hook.command)}};
  if (hook.timeout) body["timeoutSeconds"] = hook.timeout->count();
  return body;
}

Value lifecycle_json(const Lifecycle& lifecycle) {
  Object body;
  if (lifecycle.pre_start) body["preStart"] = hook_json(*lifecycle.pre_start);
  Array periodic;
  for (const PeriodicHook& hook : lifecycle.periodic) {
    Object one = hook_json(hook);
    one["name"] = hook.name;
    one["schedule"] = hook.schedule;
    periodic.push_back(std::move(one));
  }
  if (!periodic.empty()) body["periodic"] = std::move(periodic);
  return body;
}

Object template_body(const CreateOptions& options) {
  if (!options.timeout) refuse("a sandbox of a template needs a timeout");
  return {{"templateId", options.template_id}};
}

Object machine_body(const CreateOptions& options) {
  Object body;
  if (!options.image.empty()) body["image"] = image_json(options);
  if (!options.snapshot_id.empty()) body["snapshotId"] = options.snapshot_id;
  if (!options.entrypoint.empty())
    body["entrypoint"] = to_json(options.entrypoint);
  else if (!options.image.empty())
    body["entrypoint"] = Array{"tail", "-f", "/dev/null"};
  body["resourceLimits"] = to_json(options.resources);
  put(body, "resourceRequests", options.resource_requests);
  put(body, "env", options.env);
  if (options.platform)
    body["platform"] = Object{{"os", options.platform->os}, {"arch", options.platform->arch}};
  if (options.secure_access) body["secureAccess"] = true;
  if (options.credential_proxy) body["credentialProxy"] = Object{{"enabled", true}};
  Array volumes;
  for (const Volume& volume : options.volumes) volumes.push_back(volume_json(volume));
  if (!volumes.empty()) body["volumes"] = std::move(volumes);
  if (options.lifecycle.pre_start || !options.lifecycle.periodic.empty())
    body["lifecycle"] = lifecycle_json(options.lifecycle);
  return body;
}

}  // namespace

Value create_body(const CreateOptions& options) {
  if (!blank(options.image) + !options.snapshot_id.empty() + !options.template_id.empty() != 1)
    refuse("exactly one of image, snapshot_id and template_id must be given");
  if (options.timeout && *options.timeout <= Seconds(0)) refuse("timeout must be more than 0");
  Object body = options.template_id.empty() ? machine_body(options) : template_body(options);
  body["timeout"] = options.timeout ? Value(options.timeout->count()) : Value(nullptr);
  put(body, "metadata", options.metadata);
  put(body, "extensions", options.extensions);
  if (options.network_policy) body["networkPolicy"] = policy_to_json(*options.network_policy);
  return body;
}

Call create_call(const CreateOptions& options) {
  Call call = json_call("POST", "/sandboxes", "create a sandbox", create_body(options));
  call.expect = {200, 201, 202};
  return call;
}

}  // namespace opensandbox::detail
