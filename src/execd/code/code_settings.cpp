#include "execd/code/code_settings.h"

#include <charconv>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>

#include "base/log.h"
#include "execd/duration_text.h"

namespace osb::execd {
namespace {

std::vector<std::string> words(const std::string& text) {
  std::istringstream stream(text);
  return {std::istream_iterator<std::string>(stream), {}};
}

std::optional<std::string> value_of(const Environment& environment, const char* name) {
  auto found = environment.find(name);
  if (found == environment.end() || found->second.empty()) return std::nullopt;
  return found->second;
}

void warn(const char* name, const std::string& value) {
  log_warn("a setting is not understood", {{"name", name}, {"value", value}});
}

}  // namespace

std::vector<std::string> warm_languages(const Environment& environment, const std::string& file) {
  if (std::ifstream stream(file); stream) {
    auto named = words({std::istreambuf_iterator<char>(stream), {}});
    return named.empty() ? std::vector<std::string>{"*"} : named;
  }
  auto value = value_of(environment, "OPENSANDBOX_INTERPRETER");
  if (!value || *value == "0" || *value == "false") return {};
  if (*value == "1" || *value == "true") return {"*"};
  return words(*value);
}

RunLimits default_run_limits(const Environment& environment) {
  RunLimits limits;
  if (auto value = value_of(environment, "EXECD_CODE_TIMEOUT")) {
    auto time = parse_duration(*value);
    if (time && time->count() >= 0)
      limits.time = std::chrono::ceil<std::chrono::milliseconds>(*time);
    else
      warn("EXECD_CODE_TIMEOUT", *value);
  }
  if (auto value = value_of(environment, "EXECD_CODE_OUTPUT_LIMIT")) {
    auto [end, error] = std::from_chars(value->data(), value->data() + value->size(), limits.output_bytes);
    if (error != std::errc() || end != value->data() + value->size()) {
      limits.output_bytes = 0;
      warn("EXECD_CODE_OUTPUT_LIMIT", *value);
    }
  }
  return limits;
}

}  // namespace osb::execd
