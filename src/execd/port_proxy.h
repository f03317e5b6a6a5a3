// ANY /proxy/{port}/…: a program inside the sandbox, reached through the daemon. HTTP, event streams and
// WebSocket (any Upgrade); raw path and query go on byte for byte, so does the caller's Host.
//
// What the program sees of the way: X-Forwarded-For is the first hop that is known and then our peer, the
// scheme that the first hop used is kept, X-Forwarded-Host is not passed on. Secrets of the platform (access
// token, API key, secure access) stay here; the caller's own Authorization and Cookie are the program's.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "http/client.h"
#include "http/router.h"

namespace osb::execd {

// "/8080/a%2Fb" → 8080 and "/a%2Fb". Throws Error(invalid): MISSING_QUERY for no port, INVALID_REQUEST_BODY
// for one that is not 1..65535 in plain digits.
struct ProxiedPath {
  uint16_t port = 0;
  std::string path;  // raw, starts with '/'
};
ProxiedPath parse_proxied_path(std::string_view rest);

// The value of X-Forwarded-For for the program.
std::string forwarded_for(const http::Headers& headers, const std::string& peer);

class PortProxy {
 public:
  // `own_port` tells the daemon's port, which is refused: a request may not run in a circle.
  PortProxy(net::asio::any_io_executor executor, std::function<uint16_t()> own_port);

  // Throws Error: invalid (400), BACKEND_CONNECTION_FAILED (502) when nothing listens on the port.
  net::task<> handle(http::Request& request, http::ResponseWriter& response);

 private:
  http::Client client_;
  std::function<uint16_t()> own_port_;
};

// `proxy` outlives the router.
void add_proxy_routes(http::Router& router, PortProxy& proxy);

}  // namespace osb::execd
