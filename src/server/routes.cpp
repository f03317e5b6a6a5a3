#include "server/routes.h"

#include "api/coercion.h"
#include "api/validation.h"

namespace osb::server {

namespace {

struct Row {
  std::string_view method;
  std::string_view pattern;
  RouteHandler* handler;
};

// Served under "" and "/v1".
constexpr Row kRows[] = {
    {"POST", "/sandboxes", create_sandbox},
    {"GET", "/sandboxes", list_sandboxes},
    {"GET", "/sandboxes/{}", get_sandbox},
    {"DELETE", "/sandboxes/{}", delete_sandbox},
    {"PATCH", "/sandboxes/{}/metadata", patch_metadata},
    {"POST", "/sandboxes/{}/pause", pause_sandbox},
    {"POST", "/sandboxes/{}/resume", resume_sandbox},
    {"POST", "/sandboxes/{}/renew-expiration", renew_sandbox},
    {"GET", "/sandboxes/{}/endpoints/{}", get_endpoint},
    {"*", "/sandboxes/{}/proxy/{}/{*}", proxy_to_sandbox},
    {"POST", "/sandboxes/{}/snapshots", create_snapshot},
    {"GET", "/sandboxes/{}/diagnostics/logs", refuse_diagnostics},
    {"GET", "/sandboxes/{}/diagnostics/events", refuse_diagnostics},
    {"GET", "/sandboxes/{}/diagnostics/inspect", refuse_diagnostics},
    {"GET", "/sandboxes/{}/diagnostics/summary", refuse_diagnostics},
    {"GET", "/sandboxes/{}/networkpolicy", refuse_network_policy},
    {"PUT", "/sandboxes/{}/networkpolicy", refuse_network_policy},
    {"PATCH", "/sandboxes/{}/networkpolicy", refuse_network_policy},
    {"DELETE", "/sandboxes/{}/networkpolicy", refuse_network_policy},
    {"GET", "/snapshots", list_snapshots},
    {"GET", "/snapshots/{}", get_snapshot},
    {"DELETE", "/snapshots/{}", get_snapshot},
    {"GET", "/images", get_images},
    {"GET", "/images/{*}", get_images},
    {"PUT", "/images/{*}", put_image},
    {"DELETE", "/images/{*}", delete_image},
    {"POST", "/pools", refuse_pools},
    {"GET", "/pools", refuse_pools},
    {"GET", "/pools/{}", refuse_pools},
    {"PUT", "/pools/{}", refuse_pools},
    {"DELETE", "/pools/{}", refuse_pools},
    {"POST", "/templates", refuse_templates},
    {"GET", "/templates", refuse_templates},
    {"GET", "/templates/{}", refuse_templates},
    {"DELETE", "/templates/{}", refuse_templates},
};

void add(http::Router& router, Context& context, std::string_view method, const std::string& pattern,
         RouteHandler* handler) {
  router.add(method, pattern, [&context, handler](http::Request& request, http::ResponseWriter& response) {
    return handler(context, request, response);
  });
}

}  // namespace

void add_routes(http::Router& router, Context& context) {
  for (const char* prefix : {"", "/v1"})
    for (const Row& row : kRows)
      add(router, context, row.method, prefix + std::string(row.pattern), row.handler);
  add(router, context, "GET", "/health", get_health);
  add(router, context, "GET", "/version", get_version);
  add(router, context, "POST", "/v1/metrics/events", take_metrics_event);
}

int64_t port_parameter(const http::Request& request, size_t index) {
  std::string text(request.parameter(index));
  if (auto port = api::integer_of(text)) return *port;
  throw api::ValidationError(
      {{"int_parsing", {"path", "port"}, "the text is not a whole number", json::write(text), std::nullopt}});
}

uint16_t checked_port(int64_t port) {
  if (port < 1 || port > 65535)
    throw Error(ErrorCode::invalid, "the port must be from 1 to 65535", "DOCKER::INVALID_PORT");
  return static_cast<uint16_t>(port);
}

}  // namespace osb::server
