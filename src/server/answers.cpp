#include "server/answers.h"

#include "api/validation.h"
#include "base/json_text.h"
#include "base/log.h"
#include "http/server.h"
#include "http/status.h"

namespace osb::server {

namespace {

std::string error_json(std::string_view code, std::string_view message, std::string_view detail = {}) {
  std::string out = "{";
  if (!detail.empty()) out += "\"detail\":" + json_string(detail) + ",";
  return out + "\"code\":" + json_string(code) + ",\"message\":" + json_string(message) + "}";
}

}  // namespace

http::Response json_answer(int status, std::string json) {
  return {status, {{"Content-Type", "application/json"}}, std::move(json)};
}

http::Response empty_answer(int status) { return {status, {}, {}}; }

http::Response failure_answer(const Error& error) {
  std::string_view code = error.wire();
  if (code.empty())
    code = error.code() == ErrorCode::internal ? "GENERAL::UNKNOWN_ERROR"
                                               : http::default_wire_code(error.code());
  http::Response response = json_answer(http::status_of(error), error_json(code, error.message()));
  if (response.status == 429 || response.status == 503) response.headers.set("Retry-After", "1");
  return response;
}

http::Response failure_answer(std::exception_ptr failure, std::string_view request_id) {
  auto note = [request_id](std::string_view error) {
    log_error("a handler failed", {{"request_id", request_id}, {"error", error}});
  };
  try {
    std::rethrow_exception(failure);
  } catch (const api::ValidationError& e) {
    return json_answer(422, json::serialize(e.body()));
  } catch (const Error& e) {
    http::Response response = failure_answer(e);
    if (response.status == 500) note(e.message());
    return response;
  } catch (const std::exception& e) {
    note(e.what());
  }
  return failure_answer(Error(ErrorCode::internal, "the request failed; the server's log has more"));
}

http::Response no_route_answer() {
  return json_answer(404, error_json("NOT_FOUND", "there is no such route", "Not Found"));
}

http::Response wrong_method_answer(const std::string& allowed) {
  http::Response response =
      json_answer(405, error_json("METHOD_NOT_ALLOWED", "this route takes " + allowed, "Method Not Allowed"));
  response.headers.set("Allow", allowed);
  return response;
}

}  // namespace osb::server
