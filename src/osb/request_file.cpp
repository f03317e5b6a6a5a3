#include "osb/request_file.h"

#include "osb/create_flags.h"
#include "osb/strict_read.h"

namespace osb::cli {

namespace {

using json::Required;
using opensandbox::StringMap;

// The shapes of the wire. A member that is not among these is refused.
struct WireRule {
  Required<std::string> action, target;
};
BOOST_DESCRIBE_STRUCT(WireRule, (), (action, target))

struct WirePolicy {
  std::optional<std::string> defaultAction;
  std::vector<WireRule> egress;
};
BOOST_DESCRIBE_STRUCT(WirePolicy, (), (defaultAction, egress))

struct WireHost {
  Required<std::string> path;
};
BOOST_DESCRIBE_STRUCT(WireHost, (), (path))

struct WirePvc {
  Required<std::string> claimName;
  std::optional<bool> createIfNotExists, deleteOnSandboxTermination;
  std::optional<std::string> storageClass, storage;
  std::vector<std::string> accessModes;
};
BOOST_DESCRIBE_STRUCT(WirePvc, (),
                      (claimName, createIfNotExists, deleteOnSandboxTermination, storageClass, storage,
                       accessModes))

struct WireBucket {
  Required<std::string> bucket, endpoint;
  std::optional<std::string> version;
  std::vector<std::string> options;
  Required<std::string> accessKeyId, accessKeySecret;
};
BOOST_DESCRIBE_STRUCT(WireBucket, (), (bucket, endpoint, version, options, accessKeyId, accessKeySecret))

struct WireVolume {
  Required<std::string> name, mountPath;
  std::optional<bool> readOnly;
  std::optional<std::string> subPath;
  std::optional<WireHost> host;
  std::optional<WirePvc> pvc;
  std::optional<WireBucket> ossfs;
};
BOOST_DESCRIBE_STRUCT(WireVolume, (), (name, mountPath, readOnly, subPath, host, pvc, ossfs))

struct WireRegistryAuth {
  Required<std::string> username, password;
};
BOOST_DESCRIBE_STRUCT(WireRegistryAuth, (), (username, password))

struct WireImage {
  Required<std::string> uri;
  std::optional<WireRegistryAuth> auth;
};
BOOST_DESCRIBE_STRUCT(WireImage, (), (uri, auth))

struct WirePlatform {
  Required<std::string> os, arch;
};
BOOST_DESCRIBE_STRUCT(WirePlatform, (), (os, arch))

struct WireHook {
  std::vector<std::string> command;
  std::optional<int64_t> timeoutSeconds;
};
BOOST_DESCRIBE_STRUCT(WireHook, (), (command, timeoutSeconds))

struct WirePeriodic {
  Required<std::string> name, schedule;
  std::vector<std::string> command;
  std::optional<int64_t> timeoutSeconds;
};
BOOST_DESCRIBE_STRUCT(WirePeriodic, (), (name, schedule, command, timeoutSeconds))

struct WireLifecycle {
  std::optional<WireHook> preStart;
  std::vector<WirePeriodic> periodic;
};
BOOST_DESCRIBE_STRUCT(WireLifecycle, (), (preStart, periodic))

struct WireCredentialProxy {
  bool enabled = false;
};
BOOST_DESCRIBE_STRUCT(WireCredentialProxy, (), (enabled))

struct WireCreate {
  std::optional<json::Value> image;
  std::optional<std::string> templateId, snapshotId;
  std::optional<int64_t> timeout;
  StringMap env, metadata, extensions;
  std::optional<StringMap> resourceLimits;
  StringMap resourceRequests;
  std::vector<std::string> entrypoint;
  std::optional<WirePlatform> platform;
  bool secureAccess = false;
  std::optional<WirePolicy> networkPolicy;
  std::optional<WireCredentialProxy> credentialProxy;
  std::vector<WireVolume> volumes;
  std::optional<WireLifecycle> lifecycle;
};
BOOST_DESCRIBE_STRUCT(WireCreate, (),
                      (image, templateId, snapshotId, timeout, env, metadata, extensions, resourceLimits,
                       resourceRequests, entrypoint, platform, secureAccess, networkPolicy, credentialProxy,
                       volumes, lifecycle))

opensandbox::NetworkRule::Action action_of(std::string text, const std::string& path) {
  for (char& c : text) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  if (text == "allow") return opensandbox::NetworkRule::Action::allow;
  if (text != "deny") refuse_request(path + ": expected allow or deny");
  return opensandbox::NetworkRule::Action::deny;
}

opensandbox::NetworkPolicy convert(const WirePolicy& wire) {
  opensandbox::NetworkPolicy out;
  if (wire.defaultAction) out.default_action = action_of(*wire.defaultAction, "defaultAction");
  for (const WireRule& rule : wire.egress)
    out.egress.push_back({action_of(*rule.action, "action"), *rule.target});
  return out;
}

opensandbox::PersistentVolume convert(const WirePvc& wire) {
  return {.claim_name = *wire.claimName,
          .create_if_not_exists = wire.createIfNotExists.value_or(true),
          .delete_on_sandbox_termination = wire.deleteOnSandboxTermination.value_or(false),
          .storage_class = wire.storageClass,
          .storage = wire.storage,
          .access_modes = wire.accessModes};
}

opensandbox::Volume convert(const WireVolume& wire) {
  opensandbox::Volume out{.name = *wire.name,
                          .mount_path = *wire.mountPath,
                          .read_only = wire.readOnly.value_or(false),
                          .sub_path = wire.subPath};
  if (wire.host.has_value() + wire.pvc.has_value() + wire.ossfs.has_value() != 1)
    refuse_request("volume " + out.name + ": exactly one of host, pvc and ossfs is needed");
  if (wire.host) out.source = opensandbox::HostVolume{*wire.host->path};
  if (wire.pvc) out.source = convert(*wire.pvc);
  if (wire.ossfs)
    out.source = opensandbox::BucketVolume{.bucket = *wire.ossfs->bucket,
                                           .endpoint = *wire.ossfs->endpoint,
                                           .version = wire.ossfs->version.value_or("2.0"),
                                           .options = wire.ossfs->options,
                                           .access_key_id = *wire.ossfs->accessKeyId,
                                           .access_key_secret = *wire.ossfs->accessKeySecret};
  return out;
}

std::optional<opensandbox::Seconds> seconds_of(const std::optional<int64_t>& wire) {
  return wire ? std::optional(opensandbox::Seconds(*wire)) : std::nullopt;
}

opensandbox::Lifecycle convert(const WireLifecycle& wire) {
  opensandbox::Lifecycle out;
  if (wire.preStart)
    out.pre_start =
        opensandbox::LifecycleHook{wire.preStart->command, seconds_of(wire.preStart->timeoutSeconds)};
  for (const WirePeriodic& hook : wire.periodic) {
    opensandbox::PeriodicHook& made = out.periodic.emplace_back();
    made.command = hook.command;
    made.timeout = seconds_of(hook.timeoutSeconds);
    made.name = *hook.name;
    made.schedule = *hook.schedule;
  }
  return out;
}

void read_image(const json::Value& image, opensandbox::CreateOptions& out) {
  if (image.is_string()) {
    out.image = image.get_string();
    return;
  }
  WireImage wire = read_strictly<WireImage>(image, "image");
  out.image = *wire.uri;
  if (wire.auth) out.image_auth = opensandbox::ImageAuth{*wire.auth->username, *wire.auth->password};
}

}  // namespace

opensandbox::NetworkPolicy policy_of(const json::Value& policy) {
  return convert(read_strictly<WirePolicy>(policy, ""));
}

std::vector<opensandbox::Volume> volumes_of(const json::Value& volumes) {
  if (!volumes.is_array()) refuse_request("expected a list of volumes");
  std::vector<opensandbox::Volume> out;
  for (const json::Value& volume : volumes.get_array())
    out.push_back(convert(read_strictly<WireVolume>(volume, "[" + std::to_string(out.size()) + "]")));
  return out;
}

opensandbox::CreateOptions create_options_of(const json::Value& request) {
  WireCreate wire = read_strictly<WireCreate>(request, "");
  opensandbox::CreateOptions out;
  if (wire.image) read_image(*wire.image, out);
  out.template_id = wire.templateId.value_or("");
  out.snapshot_id = wire.snapshotId.value_or("");
  if (!out.image.empty() + !out.template_id.empty() + !out.snapshot_id.empty() != 1)
    refuse_request("exactly one of image, templateId and snapshotId is needed");
  out.timeout = seconds_of(wire.timeout);
  out.env = wire.env;
  out.metadata = wire.metadata;
  out.extensions = wire.extensions;
  if (wire.resourceLimits) out.resources = *wire.resourceLimits;
  out.resource_requests = wire.resourceRequests;
  out.entrypoint = wire.entrypoint;
  if (wire.platform) out.platform = opensandbox::Platform{*wire.platform->os, *wire.platform->arch};
  out.secure_access = wire.secureAccess;
  if (wire.networkPolicy) out.network_policy = convert(*wire.networkPolicy);
  out.credential_proxy = wire.credentialProxy && wire.credentialProxy->enabled;
  for (const WireVolume& volume : wire.volumes) out.volumes.push_back(convert(volume));
  if (wire.lifecycle) out.lifecycle = convert(*wire.lifecycle);
  return out;
}

}  // namespace osb::cli
