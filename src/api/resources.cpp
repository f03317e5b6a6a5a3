#include "api/resources.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "api/coercion.h"
#include "base/error.h"

namespace osb::api {

namespace {

// The number at the start of `text`, which keeps the rest. Digits with at most one point; no sign, no
// exponent.
std::optional<long double> take_number(std::string_view& text) {
  size_t end = text.find_first_not_of("0123456789.");
  std::string_view number = text.substr(0, end);
  text.remove_prefix(number.size());
  if (number.size() > 32 || number.find_first_of("0123456789") == std::string_view::npos) return std::nullopt;
  if (std::count(number.begin(), number.end(), '.') > 1) return std::nullopt;
  double value = 0;  // 53 bits are exact for every byte count up to 8 PiB
  auto [at, error] =
      std::from_chars(number.data(), number.data() + number.size(), value, std::chars_format::fixed);
  if (error != std::errc() || at != number.data() + number.size()) return std::nullopt;
  return value;
}

std::optional<int64_t> positive(long double value) {
  value = std::ceil(value);
  if (!(value >= 1) || value >= 9.2e18L) return std::nullopt;
  return static_cast<int64_t>(value);
}

std::optional<long double> unit_of(std::string suffix) {
  std::transform(suffix.begin(), suffix.end(), suffix.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  if (suffix.empty() || suffix == "b") return 1;
  size_t power = std::string_view("kmgtpe").find(suffix[0]);
  if (power == std::string_view::npos) return std::nullopt;
  std::string_view rest = std::string_view(suffix).substr(1);
  if (rest.empty() || rest == "b") return std::pow(1000.0L, power + 1);
  if (rest == "i" || rest == "ib") return std::pow(1024.0L, power + 1);
  return std::nullopt;
}

[[noreturn]] void refuse(std::string_view key, std::string_view value, std::string_view why) {
  throw Error(ErrorCode::invalid, fmt::format("resourceLimits.{} '{}': {}", key, value, why),
              "SANDBOX::INVALID_PARAMETER");
}

}  // namespace

std::optional<int64_t> parse_cpu(std::string_view text) {
  text = trim(text);
  auto number = take_number(text);
  if (!number) return std::nullopt;
  if (text.empty()) return positive(*number * 1000);
  return text == "m" ? positive(*number) : std::nullopt;
}

std::optional<int64_t> parse_memory(std::string_view text) {
  text = trim(text);
  auto number = take_number(text);
  auto unit = number ? unit_of(std::string(text)) : std::nullopt;
  return unit ? positive(*number * *unit) : std::nullopt;
}

Resources parse_resources(const std::map<std::string, std::string>& limits) {
  Resources out;
  for (const auto& [key, value] : limits) {
    if (key == "cpu") {
      out.cpu_millis = parse_cpu(value);
      if (!out.cpu_millis) refuse(key, value, "expected cores such as \"500m\" or \"1.5\", more than zero");
    } else if (key == "memory") {
      out.memory_bytes = parse_memory(value);
      if (!out.memory_bytes) refuse(key, value, "expected bytes such as \"512Mi\" or \"2G\", more than zero");
    } else if (key == "pids") {
      out.pids = integer_of(value);
      if (!out.pids || *out.pids < 1 || *out.pids > 4'194'304)
        refuse(key, value, "expected a number of processes");
    } else if (key == "gpu" || key.ends_with("/gpu")) {
      refuse(key, value, "this runtime offers no GPU");
    }
  }
  return out;
}

}  // namespace osb::api
