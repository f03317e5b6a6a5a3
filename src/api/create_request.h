// Body of POST /sandboxes after the schema checks. What it asks for may still be refused
// (server/create_plan.h).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/labels.h"
#include "api/sandbox.h"

namespace osb::api {

// The variable in which hooks reach execd. Requests cannot set it.
constexpr std::string_view kHooksEnv = "OPENSANDBOX_LIFECYCLE";

struct CreateRequest {
  std::string image;        // blank: none
  bool image_auth = false;  // credentials for a registry were given
  std::string snapshot_id;  // blank: none
  std::string template_id;
  std::optional<Platform> platform;
  std::optional<int64_t> timeout_seconds;  // absent: lives until it is deleted
  std::map<std::string, std::string> resource_limits;
  std::map<std::string, std::string> env;
  Labels metadata;
  std::vector<std::string> entrypoint;
  bool network_policy = false;
  bool credential_proxy = false;
  bool secure_access = false;
  bool volumes = false;
  std::string hooks;  // JSON as execd takes it; empty: none
  std::map<std::string, std::string> extensions;

  // Pool asked for with extensions.poolRef, trimmed; empty: none.
  std::string pool() const;
};

// Throws ValidationError.
CreateRequest parse_create_request(std::string_view body);

}  // namespace osb::api
