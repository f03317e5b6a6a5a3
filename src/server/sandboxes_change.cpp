// DELETE, pause, resume, renew and metadata of one sandbox.
#include "api/small_requests.h"
#include "base/json_text.h"
#include "base/log.h"
#include "server/answers.h"
#include "server/routes.h"

namespace osb::server {

net::task<> delete_sandbox(Context& context, http::Request& request, http::ResponseWriter& response) {
  std::string id(request.parameter(0));
  co_await context.lifecycle.remove(id);
  log_info("sandbox deleted", {{"sandbox", id}, {"request_id", request.request_id}});
  co_await response.send(empty_answer(204));
}

net::task<> pause_sandbox(Context& context, http::Request& request, http::ResponseWriter& response) {
  co_await context.lifecycle.pause(std::string(request.parameter(0)));
  co_await response.send(empty_answer(202));
}

net::task<> resume_sandbox(Context& context, http::Request& request, http::ResponseWriter& response) {
  co_await context.lifecycle.resume(std::string(request.parameter(0)));
  co_await response.send(empty_answer(202));
}

net::task<> renew_sandbox(Context& context, http::Request& request, http::ResponseWriter& response) {
  std::string body = co_await request.body->read_all(kLongestBody);
  TimePoint expires_at = context.lifecycle.renew(std::string(request.parameter(0)), api::parse_renewal(body));
  co_await response.send(json_answer(200, "{\"expiresAt\":" + json_string(rfc3339_micros(expires_at)) + "}"));
}

net::task<> patch_metadata(Context& context, http::Request& request, http::ResponseWriter& response) {
  std::string body = co_await request.body->read_all(kLongestBody);
  RecordPtr record =
      context.lifecycle.patch_metadata(std::string(request.parameter(0)), api::parse_label_patch(body));
  co_await response.send(json_answer(200, record->json()));
}

}  // namespace osb::server
