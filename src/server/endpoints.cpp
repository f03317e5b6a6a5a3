// GET /sandboxes/{id}/endpoints/{port}
#include "server/endpoints.h"

#include "api/boot.h"
#include "api/coercion.h"
#include "api/validation.h"
#include "base/json_text.h"
#include "server/answers.h"
#include "server/routes.h"

namespace osb::server {

namespace {

struct Wanted {
  int64_t port = 0;
  bool proxy = false;
  bool expires = false;
};

// Throws ValidationError.
Wanted read_query(const http::Request& request) {
  Wanted out;
  out.port = port_parameter(request, 1);
  api::Problems problems;
  if (auto values = request.query.all("use_server_proxy"); !values.empty())
    out.proxy =
        api::check_flag(json::write(values.back()), {"query", "use_server_proxy"}, problems).value_or(false);
  if (auto values = request.query.all("expires"); !values.empty()) {
    api::check_integer(json::write(values.back()), {"query", "expires"}, problems);
    out.expires = true;
  }
  problems.throw_if_any();
  return out;
}

std::string without_scheme(std::string_view base) {
  base = api::trim(base);
  if (size_t scheme = base.find("://"); scheme != std::string_view::npos) base.remove_prefix(scheme + 3);
  while (base.ends_with('/')) base.remove_suffix(1);
  return std::string(base);
}

}  // namespace

std::string host_and_port(const std::string& address, uint16_t port) {
  bool v6 = address.find(':') != std::string::npos;
  return (v6 ? "[" + address + "]" : address) + ":" + std::to_string(port);
}

std::string_view mount_prefix(std::string_view path) {
  size_t at = path.find("/sandboxes/");
  return at == std::string_view::npos ? std::string_view() : path.substr(0, at);
}

std::string proxied_endpoint(const http::Request& request, const ServerConfig& config, const std::string& id,
                             uint16_t port) {
  std::string base = without_scheme(config.eip);
  if (base.empty()) base = request.headers.get("Host");
  if (base.empty()) base = host_and_port(request.local_address, config.listen_port);
  return base + std::string(mount_prefix(request.path)) + "/sandboxes/" + id + "/proxy/" +
         std::to_string(port);
}

net::task<> get_endpoint(Context& context, http::Request& request, http::ResponseWriter& response) {
  Wanted wanted = read_query(request);
  if (wanted.proxy && wanted.expires)
    throw Error(ErrorCode::invalid, "use_server_proxy and expires exclude each other",
                "SANDBOX::INVALID_PARAMETER");
  RecordPtr record = context.catalogue.require(request.parameter(0));
  uint16_t port = checked_port(wanted.port);
  if (wanted.expires)
    throw Error(ErrorCode::invalid, "expires: signed endpoints are not supported by this runtime",
                "SANDBOX::API_NOT_SUPPORTED");
  if (!record->live())
    throw Error(
        ErrorCode::conflict,
        "sandbox " + record->id() + " is " + std::string(api::to_string(record->row.sandbox.status.state)),
        "SANDBOX::NOT_RUNNING");
  bool direct = !wanted.proxy && context.addresses.is_direct(request);
  std::string endpoint = direct ? host_and_port(record->row.address, port)
                                : proxied_endpoint(request, context.config, record->id(), port);
  std::string json = "{\"endpoint\":" + json_string(endpoint);
  // Clients hand these headers to whatever listens on the port, so the token goes to execd alone.
  if (port == api::kExecdPort && !record->row.token.empty())
    json += ",\"headers\":{\"X-EXECD-ACCESS-TOKEN\":" + json_string(record->row.token) + "}";
  co_await response.send(json_answer(200, json + "}"));
}

}  // namespace osb::server
