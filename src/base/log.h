// JSON-lines log on stderr (or another fd): {"ts","level","msg",...fields}. One write(2) per line, so lines
// of several processes do not mix. Usable from any thread; not after fork.
//
//   log_info("sandbox created", {{"sandbox", id}, {"ms", 4}});
//
// Never pass a secret. Requests pass their id as the field "request_id".
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>

namespace osb {

enum class LogLevel { debug, info, warn, error };

struct LogField {
  std::string_view name;
  std::variant<std::string_view, int64_t, double, bool> value;

  LogField(std::string_view n, std::string_view v) : name(n), value(v) {}
  LogField(std::string_view n, const char* v) : name(n), value(std::string_view(v)) {}
  LogField(std::string_view n, const std::string& v) : name(n), value(std::string_view(v)) {}
  LogField(std::string_view n, bool v) : name(n), value(v) {}
  LogField(std::string_view n, double v) : name(n), value(v) {}
  template <class T>
    requires std::is_integral_v<T>
  LogField(std::string_view n, T v) : name(n), value(static_cast<int64_t>(v)) {}
};

// Takes complete lines instead of the descriptor, from any thread. Must not log itself.
class LogSink {
 public:
  virtual ~LogSink() = default;
  virtual void write(std::string line) = 0;
};
// Null: back to the descriptor. The sink must outlive its use.
void redirect_log(LogSink* sink);

// Default: info on fd 2, without "component".
void configure_log(LogLevel level, int fd, std::string_view component);
bool log_enabled(LogLevel level);
void log(LogLevel level, std::string_view message, std::initializer_list<LogField> fields = {});

inline void log_debug(std::string_view m, std::initializer_list<LogField> f = {}) {
  log(LogLevel::debug, m, f);
}
inline void log_info(std::string_view m, std::initializer_list<LogField> f = {}) {
  log(LogLevel::info, m, f);
}
inline void log_warn(std::string_view m, std::initializer_list<LogField> f = {}) {
  log(LogLevel::warn, m, f);
}
inline void log_error(std::string_view m, std::initializer_list<LogField> f = {}) {
  log(LogLevel::error, m, f);
}

}  // namespace osb
