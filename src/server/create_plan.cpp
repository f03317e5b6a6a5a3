#include "server/create_plan.h"

#include <fmt/core.h>

#include <algorithm>

#include "api/coercion.h"
#include "api/resources.h"
#include "api/shell_words.h"

namespace osb::server {

namespace {

constexpr std::string_view kRenewExtension = "access.renew.extend.seconds";
constexpr std::string_view kShownExtensions = "opensandbox.extensions.";
constexpr std::string_view kEgressEnv = "OPENSANDBOX_EGRESS_";
constexpr int64_t kLongestTimeout = int64_t{100} * 365 * 86400;  // the clock inside ends in 2262

[[noreturn]] void refuse(std::string message, std::string wire = "SANDBOX::INVALID_PARAMETER") {
  throw Error(ErrorCode::invalid, std::move(message), std::move(wire));
}

void check_extensions(const api::CreateRequest& request) {
  if (auto found = request.extensions.find(std::string(kRenewExtension)); found != request.extensions.end()) {
    auto seconds = api::integer_of(found->second);
    if (!seconds || *seconds < 300 || *seconds > 86400)
      refuse(fmt::format("extensions[\"{}\"] '{}': expected 300 to 86400 seconds", kRenewExtension,
                         found->second));
  }
  if (std::string pool = request.pool(); !pool.empty())
    refuse(fmt::format("extensions[\"poolRef\"] '{}': this runtime has no pools", pool),
           "SANDBOX::UNSUPPORTED_POOL_REF");
}

void check_not_built(const api::CreateRequest& request) {
  auto no = [](bool asked, std::string_view member) {
    if (asked) refuse(fmt::format("{} is not supported by this server yet", member));
  };
  no(!request.template_id.empty(), "templateId");
  no(!request.snapshot_id.empty(), "snapshotId");
  no(request.image_auth, "image.auth");
  no(request.secure_access, "secureAccess");
  no(request.network_policy, "networkPolicy");
  no(request.credential_proxy, "credentialProxy");
  no(request.volumes, "volumes");
}

bool has_nul(std::string_view text) { return text.find('\0') != std::string_view::npos; }

std::vector<std::string> argv_of(const std::vector<std::string>& entrypoint) {
  auto bad = [](std::string message) { refuse(std::move(message), "SANDBOX::INVALID_ENTRYPOINT"); };
  std::vector<std::string> argv = entrypoint;
  if (argv.size() == 1 && argv[0].find(' ') != std::string::npos) {
    auto words = api::split_shell_words(argv[0]);
    if (!words) bad(fmt::format("entrypoint '{}': a quote is left open", argv[0]));
    argv = std::move(*words);
  }
  if (argv.empty() || argv[0].empty()) bad("entrypoint: it names no program");
  if (std::any_of(argv.begin(), argv.end(), has_nul)) bad("entrypoint: it holds a NUL character");
  return argv;
}

void check_env(const std::map<std::string, std::string>& env) {
  for (const auto& [name, value] : env) {
    if (name.starts_with(kEgressEnv))
      refuse(fmt::format(
          "env '{}': names with {} configure the egress proxy, which is not supported by this server yet",
          name, kEgressEnv));
    if (name.empty() || name.find('=') != std::string::npos || has_nul(name))
      refuse(fmt::format("env '{}': not a name of an environment variable", name));
    if (has_nul(value)) refuse(fmt::format("env '{}': the value holds a NUL character", name));
  }
}

std::string lower_case(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) { return std::tolower(c); });
  return out;
}

std::optional<api::Platform> platform_of(const std::optional<api::Platform>& asked) {
  if (!asked) return std::nullopt;
  api::Platform platform{lower_case(api::trim(asked->os)), lower_case(api::trim(asked->arch))};
  if (platform.os != "linux" || platform.arch != host_architecture())
    refuse(fmt::format("platform {}/{}: this server offers linux/{}", platform.os, platform.arch,
                       host_architecture()));
  return platform;
}

void check_timeout(const std::optional<int64_t>& seconds, const ServerConfig& config) {
  if (!seconds) return;
  if (config.max_sandbox_timeout_seconds && *seconds > *config.max_sandbox_timeout_seconds)
    refuse(fmt::format("timeout {}: this server allows at most {} seconds", *seconds,
                       *config.max_sandbox_timeout_seconds));
  if (*seconds > kLongestTimeout) refuse(fmt::format("timeout {}: it is too long for a date", *seconds));
}

runtime::ResourceLimits limits_of(const std::map<std::string, std::string>& asked) {
  api::Resources resources = api::parse_resources(asked);
  runtime::ResourceLimits limits;
  limits.cpu_millis = resources.cpu_millis;
  limits.memory_bytes = resources.memory_bytes;
  if (resources.pids) limits.pids = *resources.pids;
  return limits;
}

}  // namespace

std::string_view host_architecture() {
#if defined(__aarch64__)
  return "arm64";
#else
  return "amd64";
#endif
}

CreatePlan plan_create(api::CreateRequest request, const ServerConfig& config) {
  check_extensions(request);
  CreatePlan plan;
  if (!request.entrypoint.empty()) plan.argv = argv_of(request.entrypoint);
  api::check_labels(request.metadata);
  plan.platform = platform_of(request.platform);
  check_timeout(request.timeout_seconds, config);
  check_env(request.env);
  plan.limits = limits_of(request.resource_limits);
  check_not_built(request);
  plan.image = std::move(request.image);
  plan.entrypoint = std::move(request.entrypoint);
  plan.env = std::move(request.env);
  if (!request.hooks.empty()) plan.env.emplace(api::kHooksEnv, std::move(request.hooks));
  plan.metadata = std::move(request.metadata);
  plan.access_token = config.access_token;
  plan.timeout_seconds = request.timeout_seconds;
  plan.resource_limits = std::move(request.resource_limits);
  for (auto& [key, value] : request.extensions)
    if (key.starts_with(kShownExtensions)) plan.extensions[key] = std::move(value);
  return plan;
}

}  // namespace osb::server
