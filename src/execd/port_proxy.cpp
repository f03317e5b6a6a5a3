#include "execd/port_proxy.h"

#include <charconv>
#include <optional>
#include <utility>

#include "http/proxy.h"
#include "net/address.h"

namespace osb::execd {
namespace {

// Programs of a sandbox are many and short-lived: few kept connections each, and not for long.
http::ClientOptions client_options() {
  http::ClientOptions options;
  options.response_time = std::chrono::minutes(10);
  options.idle_per_target = 8;
  options.idle_time = std::chrono::seconds(15);
  return options;
}

bool is_address(std::string_view text) {
  try {
    net::tcp_address(std::string(text), 0);
    return true;
  } catch (const Error&) {
    return false;
  }
}

std::string_view first_hop(std::string_view list) {
  std::string_view hop = list.substr(0, list.find(','));
  while (!hop.empty() && (hop.front() == ' ' || hop.front() == '\t')) hop.remove_prefix(1);
  while (!hop.empty() && (hop.back() == ' ' || hop.back() == '\t')) hop.remove_suffix(1);
  return hop;
}

std::string forwarded_proto(const http::Headers& headers) {
  return http::equal_ignoring_case(headers.get("X-Forwarded-Proto"), "https") ? "https" : "http";
}

http::ProxyOptions proxy_options(const http::Request& request, const ProxiedPath& wanted,
                                 const char* address) {
  http::ProxyOptions options;
  options.target = {address, wanted.port, {}};
  options.path = wanted.path;
  options.raw_query = request.raw_query;
  if (options.raw_query.empty() && request.target.ends_with('?')) options.path += '?';
  options.drop_request_headers = {"X-EXECD-ACCESS-TOKEN", "OPEN-SANDBOX-API-KEY", "OpenSandbox-Secure-Access",
                                  "X-Forwarded-Host"};
  options.set_request_headers = {{"X-Forwarded-For", forwarded_for(request.headers, request.peer.address)},
                                 {"X-Forwarded-Proto", forwarded_proto(request.headers)}};
  options.location_prefix = "/proxy/" + std::to_string(wanted.port);
  options.keep_host = true;
  return options;
}

}  // namespace

ProxiedPath parse_proxied_path(std::string_view rest) {
  if (rest.starts_with('/')) rest.remove_prefix(1);
  std::string_view digits = rest.substr(0, rest.find('/'));
  if (digits.empty())
    throw Error(ErrorCode::invalid, "reading the path: the port is missing", "MISSING_QUERY");
  ProxiedPath out;
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), out.port);
  if (error != std::errc() || end != digits.data() + digits.size() || out.port == 0)
    throw Error(ErrorCode::invalid, "reading the path: " + std::string(digits) + " is no port",
                "INVALID_REQUEST_BODY");
  out.path = rest.substr(digits.size());
  if (out.path.empty()) out.path = "/";
  return out;
}

std::string forwarded_for(const http::Headers& headers, const std::string& peer) {
  std::string_view origin = first_hop(headers.get("X-Forwarded-For"));
  if (!is_address(origin)) origin = first_hop(headers.get("X-Real-IP"));
  return is_address(origin) ? std::string(origin) + ", " + peer : peer;
}

PortProxy::PortProxy(net::asio::any_io_executor executor, std::function<uint16_t()> own_port)
    : client_(std::move(executor), client_options()), own_port_(std::move(own_port)) {}

net::task<> PortProxy::handle(http::Request& request, http::ResponseWriter& response) {
  ProxiedPath wanted = parse_proxied_path(request.rest);
  if (wanted.port == own_port_())
    throw Error(ErrorCode::invalid,
                "proxying to port " + std::to_string(wanted.port) + ": it is the daemon's own",
                "INVALID_REQUEST_BODY");
  // Programs that listen on "localhost" may have taken its IPv6 address alone.
  std::optional<Error> refused;
  try {
    co_await http::forward(client_, request, response, proxy_options(request, wanted, "127.0.0.1"));
  } catch (const Error& error) {
    if (error.wire() != "BACKEND_CONNECTION_FAILED") throw;
    refused = error;
  }
  if (!refused) co_return;
  bool found = true;
  try {
    co_await http::forward(client_, request, response, proxy_options(request, wanted, "::1"));
  } catch (const Error& error) {
    if (error.wire() != "BACKEND_CONNECTION_FAILED") throw;
    found = false;
  }
  if (!found) throw *refused;
}

void add_proxy_routes(http::Router& router, PortProxy& proxy) {
  router.add("*", "/proxy/{*}", [&proxy](http::Request& request, http::ResponseWriter& response) {
    return proxy.handle(request, response);
  });
}

}  // namespace osb::execd
