#include "server/cors.h"

namespace osb::server {

namespace {
constexpr const char* kMethods = "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT";
constexpr const char* kExposed = "OPEN-SANDBOX-ORIGIN, X-Request-ID";
}  // namespace

void add_cors_headers(const http::Request& request, http::ResponseWriter& response) {
  response.add_header("Vary", "Origin");
  auto origin = request.headers.find("Origin");
  if (!origin || is_preflight(request)) return;
  // A wildcard is not valid for requests with credentials.
  response.add_header("Access-Control-Allow-Origin",
                      request.headers.has("Cookie") ? std::string(*origin) : "*");
  response.add_header("Access-Control-Allow-Credentials", "true");
  response.add_header("Access-Control-Expose-Headers", kExposed);
}

bool is_preflight(const http::Request& request) {
  return request.method == "OPTIONS" && request.headers.has("Origin") &&
         request.headers.has("Access-Control-Request-Method");
}

http::Response preflight_answer(const http::Request& request) {
  http::Response response{200, {{"Content-Type", "text/plain; charset=utf-8"}}, "OK"};
  response.headers.add("Access-Control-Allow-Origin", std::string(request.headers.get("Origin")));
  response.headers.add("Access-Control-Allow-Credentials", "true");
  response.headers.add("Access-Control-Allow-Methods", kMethods);
  response.headers.add("Access-Control-Max-Age", "600");
  if (auto asked = request.headers.find("Access-Control-Request-Headers"))
    response.headers.add("Access-Control-Allow-Headers", std::string(*asked));
  return response;
}

}  // namespace osb::server
