// What a create request means for this server, or why it is refused. No I/O: everything here is decided
// before an id is given out.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "api/create_request.h"
#include "runtime/runtime.h"
#include "server/config.h"

namespace osb::server {

struct CreatePlan {
  std::string image;
  std::vector<std::string> entrypoint;  // as shown: of the request
  std::vector<std::string> argv;        // as run: a single element with spaces is split
  std::map<std::string, std::string> env;
  api::Labels metadata;
  std::optional<api::Platform> platform;
  std::optional<int64_t> timeout_seconds;
  std::map<std::string, std::string> resource_limits;
  runtime::ResourceLimits limits;
  std::map<std::string, std::string> extensions;  // those that are shown
  bool access_token = true;                       // its execd asks for one
};

// Throws Error(invalid) with the code and order of checks of specs/errors.md. Nothing that was asked for and
// that this server cannot do is passed over in silence.
CreatePlan plan_create(api::CreateRequest request, const ServerConfig& config);

// "amd64" or "arm64": what this program was built for.
std::string_view host_architecture();

}  // namespace osb::server
