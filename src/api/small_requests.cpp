#include "api/small_requests.h"

#include "api/coercion.h"
#include "api/validation.h"

namespace osb::api {

TimePoint parse_renewal(std::string_view body) {
  json::Value value = parse_body(body);
  Problems problems;
  Fields fields(value, {"body"}, problems);
  std::optional<TimePoint> time;
  if (const json::Value* expires_at = fields.require("expiresAt"))
    time = check_time(*expires_at, fields.at("expiresAt"), problems);
  problems.throw_if_any();
  return *time;
}

std::string parse_snapshot_name(std::string_view body) {
  if (trim(body).empty() || trim(body) == "null") return {};
  json::Value value = parse_body(body);
  Problems problems;
  auto name = Fields(value, {"body"}, problems).text("name", {.shortest = 1});
  problems.throw_if_any();
  return name.value_or("");
}

MetricsEvent parse_metrics_event(std::string_view body) {
  json::Value value = parse_body(body);
  Problems problems;
  Fields fields(value, {"body"}, problems);
  MetricsEvent out;
  const json::Value* type = fields.require("eventType");
  if (type && *type != json::Value("sandbox.create"))
    problems.add({"literal_error", fields.at("eventType"), "expected 'sandbox.create'", *type,
                  json::Object{{"expected", "'sandbox.create'"}}});
  out.sandbox_id = fields.text("sandboxId").value_or("");
  out.image = fields.text("image").value_or("");
  if (const json::Value* duration = fields.require("createDurationMs"))
    out.create_duration_ms =
        check_integer(*duration, fields.at("createDurationMs"), problems, {.least = 0}).value_or(0);
  if (const json::Value* success = fields.require("success"))
    out.success = check_flag(*success, fields.at("success"), problems).value_or(false);
  problems.throw_if_any();
  return out;
}

}  // namespace osb::api
