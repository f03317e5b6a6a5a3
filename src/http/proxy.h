// Reverse proxy of one request: streams the body up and the answer down without buffering, passes WebSocket
// (and any other Upgrade) through as a tunnel. Rules: ../docs/architecture.md "Proxy".
#pragma once

#include <string>
#include <vector>

#include "http/client.h"
#include "http/server.h"

namespace osb::http {

struct ProxyOptions {
  Target target;
  std::string path;       // raw path at the backend, starts with '/'
  std::string raw_query;  // forwarded byte for byte
  // Never forwarded, besides hop-by-hop headers and those named in Connection. No regard to case.
  std::vector<std::string> drop_request_headers;
  // Set on the way up (X-Forwarded-*, …), replacing the caller's.
  Headers set_request_headers;
  std::vector<std::string> drop_response_headers;  // besides hop-by-hop
  // Put before a root-relative Location of the backend; empty: untouched.
  std::string location_prefix;
  bool keep_host = false;  // forward the caller's Host, else the target's
};

// Throws Error before anything was sent: unavailable "BACKEND_CONNECTION_FAILED" / "BACKEND_RESPONSE_FAILED"
// with status 502, timeout "BACKEND_TIMEOUT" with 504. After the head was sent a broken backend breaks the
// connection.
net::task<> forward(Client& client, Request& request, ResponseWriter& response, ProxyOptions options);

}  // namespace osb::http
