// The handlers, one file per resource, and what they work with.
#pragma once

#include <string_view>

#include "http/client.h"
#include "http/router.h"
#include "http/server.h"
#include "server/catalogue.h"
#include "server/config.h"
#include "server/host_addresses.h"
#include "server/lifecycle.h"

namespace osb::server {

struct Context {
  const ServerConfig& config;
  Catalogue& catalogue;
  Lifecycle& lifecycle;
  HostAddresses& addresses;
  http::Client& backends;  // connections into sandboxes
  runtime::Runtime& runtime;
  const bool& ready;         // every journalled sandbox is adopted or reaped
  size_t image_uploads = 0;  // that are being received
};

constexpr uint64_t kLongestBody = 1024 * 1024;
constexpr std::string_view kProtocolVersion = "1.1.1";  // release of the API that is spoken

// Adds every route, with and without /v1.
void add_routes(http::Router& router, Context& context);

using RouteHandler = net::task<>(Context&, http::Request&, http::ResponseWriter&);

RouteHandler create_sandbox, list_sandboxes, get_sandbox, delete_sandbox, patch_metadata, pause_sandbox,
    resume_sandbox, renew_sandbox, get_endpoint, proxy_to_sandbox;
RouteHandler create_snapshot, list_snapshots, get_snapshot;
RouteHandler get_images, put_image, delete_image;
RouteHandler refuse_pools, refuse_templates, refuse_diagnostics, refuse_network_policy;
RouteHandler get_health, get_version, take_metrics_event;

// Port in a path parameter. Throws ValidationError for what is no integer; any integer is returned.
int64_t port_parameter(const http::Request& request, size_t index);
// Throws Error(invalid, DOCKER::INVALID_PORT) outside 1 to 65535.
uint16_t checked_port(int64_t port);

}  // namespace osb::server
