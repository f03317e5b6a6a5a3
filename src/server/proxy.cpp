// ANY /sandboxes/{id}/proxy/{port}[/…]: relays to a program inside a sandbox, WebSocket included. Open to
// everybody, so nothing of the server's own (key, cookies, tokens) is passed on or added.
#include "http/proxy.h"

#include "server/answers.h"
#include "server/auth.h"
#include "server/routes.h"

namespace osb::server {

namespace {

std::vector<std::string> private_request_headers() {
  return {"Authorization",     "Cookie",          std::string(kApiKeyHeader), "OpenSandbox-Secure-Access",
          "Forwarded",         "X-Forwarded-For", "X-Forwarded-Host",         "X-Forwarded-Port",
          "X-Forwarded-Proto", "X-Real-IP",       "OpenSandbox-Access-Renew"};
}

std::vector<std::string> replaced_response_headers(const http::Request& request) {
  std::vector<std::string> out = {"Server", "X-Request-ID"};
  // The server's own cross-origin answer is in the response already; two would be none to a browser.
  if (request.headers.has("Origin"))
    for (const char* name :
         {"Access-Control-Allow-Origin", "Access-Control-Allow-Credentials", "Access-Control-Expose-Headers"})
      out.push_back(name);
  return out;
}

http::ProxyOptions options_for(const http::Request& request, const Record& record, uint16_t port) {
  http::ProxyOptions options;
  options.target = {record.row.address, port, {}};
  options.path = request.rest.empty() ? "/" : request.rest;
  options.raw_query = request.raw_query;
  options.drop_request_headers = private_request_headers();
  options.set_request_headers = {{"X-Forwarded-Proto", "http"}, {"X-Forwarded-For", request.peer.address}};
  if (auto host = request.headers.find("Host"))
    options.set_request_headers.add("X-Forwarded-Host", std::string(*host));
  options.drop_response_headers = replaced_response_headers(request);
  options.location_prefix = request.path.substr(0, request.path.size() - request.rest.size());
  return options;
}

}  // namespace

net::task<> proxy_to_sandbox(Context& context, http::Request& request, http::ResponseWriter& response) {
  int64_t wanted = port_parameter(request, 1);
  RecordPtr record = context.catalogue.require(request.parameter(0));
  uint16_t port = checked_port(wanted);
  if (record->row.phase != store::Phase::running)  // a frozen sandbox would take the request and stay silent
    throw Error(
        ErrorCode::conflict,
        "sandbox " + record->id() + " is " + std::string(api::to_string(record->row.sandbox.status.state)),
        "SANDBOX::NOT_RUNNING");
  co_await http::forward(context.backends, request, response, options_for(request, *record, port));
}

}  // namespace osb::server
