// Health, version, and the telemetry that clients send.
#include "api/small_requests.h"
#include "base/json_text.h"
#include "base/log.h"
#include "server/answers.h"
#include "server/routes.h"

namespace osb::server {

net::task<> get_health(Context& context, http::Request&, http::ResponseWriter& response) {
  if (!context.ready)
    throw Error(ErrorCode::unavailable, "the server is taking over its sandboxes", "SERVER_STARTING");
  return response.send(json_answer(200, R"({"status":"healthy"})"));
}

net::task<> get_version(Context&, http::Request&, http::ResponseWriter& response) {
  return response.send(json_answer(200, "{\"version\":" + json_string(kProtocolVersion) + "}"));
}

net::task<> take_metrics_event(Context&, http::Request& request, http::ResponseWriter& response) {
  std::string body = co_await request.body->read_all(kLongestBody);
  api::MetricsEvent event = api::parse_metrics_event(body);
  log_debug("a client reports a create", {{"sandbox", event.sandbox_id},
                                          {"image", event.image},
                                          {"ms", event.create_duration_ms},
                                          {"success", event.success},
                                          {"client", request.headers.get("User-Agent")}});
  co_await response.send(empty_answer(204));
}

}  // namespace osb::server
