// Addresses at which a caller reaches a port of a sandbox.
#pragma once

#include <string>
#include <string_view>

#include "http/server.h"
#include "server/config.h"

namespace osb::server {

// "[fd00::2]:80", "10.0.0.2:80"
std::string host_and_port(const std::string& address, uint16_t port);

// What preceded "/sandboxes/" in the path: "", "/v1".
std::string_view mount_prefix(std::string_view path);

// "<host the caller used, or eip><mount prefix>/sandboxes/<id>/proxy/<port>"
std::string proxied_endpoint(const http::Request& request, const ServerConfig& config, const std::string& id,
                             uint16_t port);

}  // namespace osb::server
