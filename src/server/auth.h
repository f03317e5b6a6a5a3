// Who may call: everybody who has the key, or everybody when there is none. Health, version and proxied paths
// are open to all (programs inside a sandbox guard themselves).
#pragma once

#include <string_view>

#include "http/server.h"

namespace osb::server {

constexpr std::string_view kApiKeyHeader = "OPEN-SANDBOX-API-KEY";

// Throws Error(unauthorized): MISSING_API_KEY, INVALID_API_KEY. An empty key lets everybody in.
void check_api_key(const http::Request& request, std::string_view key);

// [/v1]/sandboxes/<id>/proxy/<digits>[/…] on the raw path, without ".." anywhere.
bool is_proxy_path(std::string_view path);

}  // namespace osb::server
