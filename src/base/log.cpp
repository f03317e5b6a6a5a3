#include "base/log.h"

#include <fmt/core.h>
#include <unistd.h>

#include <atomic>
#include <utility>

#include "base/clock.h"
#include "base/json_text.h"

namespace osb {

namespace {
std::atomic<LogLevel> g_level{LogLevel::info};
std::atomic<int> g_fd{2};
std::atomic<LogSink*> g_sink{nullptr};
std::string& component() {
  static std::string name;
  return name;
}

constexpr std::string_view kLevelNames[] = {"debug", "info", "warn", "error"};

void append_value(std::string& line, const LogField& field) {
  if (auto* text = std::get_if<std::string_view>(&field.value)) {
    append_json_string(line, *text);
  } else if (auto* number = std::get_if<int64_t>(&field.value)) {
    line += std::to_string(*number);
  } else if (auto* real = std::get_if<double>(&field.value)) {
    line += fmt::format("{:.6g}", *real);
  } else {
    line += std::get<bool>(field.value) ? "true" : "false";
  }
}
}  // namespace

void configure_log(LogLevel level, int fd, std::string_view name) {
  g_level = level;
  g_fd = fd;
  component() = name;
}

void redirect_log(LogSink* sink) { g_sink = sink; }

bool log_enabled(LogLevel level) { return level >= g_level.load(std::memory_order_relaxed); }

void log(LogLevel level, std::string_view message, std::initializer_list<LogField> fields) {
  if (!log_enabled(level)) return;
  std::string line = R"({"ts":")" + rfc3339_micros(now()) + R"(","level":")";
  line += kLevelNames[static_cast<int>(level)];
  line += R"(","msg":)";
  append_json_string(line, message);
  if (!component().empty()) {
    line += R"(,"component":)";
    append_json_string(line, component());
  }
  for (const LogField& field : fields) {
    line += ',';
    append_json_string(line, field.name);
    line += ':';
    append_value(line, field);
  }
  line += "}\n";
  if (LogSink* sink = g_sink) return sink->write(std::move(line));
  // A log that cannot be written must not stop the work.
  [[maybe_unused]] ssize_t n = ::write(g_fd, line.data(), line.size());
}

}  // namespace osb
