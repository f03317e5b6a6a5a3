#include "osb/models.h"

#include <fmt/core.h>
#include <time.h>

namespace osb::cli {

namespace {

json::Value text_or_null(const std::string& text) {
  return text.empty() ? json::Value(nullptr) : json::Value(text);
}

json::Object status_model(const opensandbox::Status& status) {
  return {{"state", status.state},
          {"reason", text_or_null(status.reason)},
          {"message", text_or_null(status.message)},
          {"last_transition_at", time_text(status.last_transition_at)}};
}

}  // namespace

json::Value time_text(const std::optional<opensandbox::Time>& time) {
  if (!time) return nullptr;
  time_t seconds = std::chrono::system_clock::to_time_t(*time);
  tm parts{};
  ::gmtime_r(&seconds, &parts);
  return json::Value(fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", parts.tm_year + 1900,
                                 parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec));
}

json::Object map_model(const opensandbox::StringMap& map) {
  json::Object out;
  for (const auto& [key, value] : map) out[key] = value;
  return out;
}

json::Value list_model(const std::vector<std::string>& list) {
  json::Array out;
  for (const std::string& item : list) out.emplace_back(item);
  return out;
}

json::Object sandbox_model(const opensandbox::SandboxInfo& info) {
  json::Object out{{"id", info.id},
                   {"status", status_model(info.status)},
                   {"image", text_or_null(info.image)},
                   {"snapshot_id", text_or_null(info.snapshot_id)},
                   {"entrypoint", list_model(info.entrypoint)},
                   {"created_at", time_text(info.created_at)},
                   {"expires_at", time_text(info.expires_at)},
                   {"platform", nullptr},
                   {"metadata", map_model(info.metadata)},
                   {"extensions", map_model(info.extensions)}};
  if (info.platform) out["platform"] = json::Object{{"os", info.platform->os}, {"arch", info.platform->arch}};
  return out;
}

json::Object snapshot_model(const opensandbox::SnapshotInfo& info) {
  return {{"id", info.id},
          {"sandbox_id", info.sandbox_id},
          {"name", text_or_null(info.name)},
          {"status", status_model(info.status)},
          {"created_at", time_text(info.created_at)}};
}

json::Object metrics_model(const opensandbox::Metrics& metrics) {
  return {{"cpu_count", metrics.cpu_count},
          {"cpu_used_percentage", metrics.cpu_used_percent},
          {"memory_total_in_mib", metrics.memory_total_mib},
          {"memory_used_in_mib", metrics.memory_used_mib},
          {"timestamp", metrics.timestamp}};
}

json::Object endpoint_model(const opensandbox::Endpoint& endpoint) {
  return {{"endpoint", endpoint.address}, {"headers", map_model(endpoint.headers)}};
}

json::Object command_model(const opensandbox::CommandStatus& status) {
  return {{"id", status.id},
          {"content", text_or_null(status.content)},
          {"running", status.running},
          {"exit_code", status.exit_code ? json::Value(*status.exit_code) : json::Value(nullptr)},
          {"error", text_or_null(status.error)},
          {"started_at", time_text(status.started_at)},
          {"finished_at", time_text(status.finished_at)}};
}

}  // namespace osb::cli
