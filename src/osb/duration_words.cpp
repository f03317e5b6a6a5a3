#include "osb/duration_words.h"

#include <charconv>

#include "osb/problem.h"

namespace osb::cli {

namespace {

using std::chrono::milliseconds;

[[noreturn]] void refuse(std::string_view what, std::string_view text) {
  throw UsageProblem(std::string(what) + ": \"" + std::string(text) + "\" is no duration",
                     "write 90s, 10m, 1h30m or a number of seconds");
}

constexpr int64_t kLongest = int64_t{1000} * 86400 * 365 * 100;

int64_t unit_milliseconds(std::string_view unit) {
  if (unit == "ms") return 1;
  if (unit == "s" || unit.empty()) return 1000;
  if (unit == "m") return 60'000;
  if (unit == "h") return 3'600'000;
  if (unit == "d") return 86'400'000;
  return 0;
}

}  // namespace

milliseconds read_duration(std::string_view what, std::string_view text) {
  int64_t total = 0;
  std::string_view rest = text;
  do {
    int64_t number = 0;
    auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
    if (error != std::errc() || number < 0) refuse(what, text);
    rest.remove_prefix(static_cast<size_t>(end - rest.data()));
    std::string_view unit = rest.substr(0, rest.find_first_of("0123456789"));
    int64_t factor = unit_milliseconds(unit);
    if (factor == 0 || number > kLongest / factor) refuse(what, text);
    total += number * factor;
    rest.remove_prefix(unit.size());
  } while (!rest.empty());
  if (total <= 0 || total > kLongest) refuse(what, text);
  return milliseconds(total);
}

std::optional<milliseconds> read_duration_or_none(std::string_view what, std::string_view text) {
  if (text == "none") return std::nullopt;
  return read_duration(what, text);
}

std::string short_duration(std::chrono::seconds duration) {
  int64_t left = duration.count();
  if (left < 0) return "-" + short_duration(-duration);
  static constexpr struct {
    int64_t seconds;
    const char* name;
  } kUnits[] = {{86400, "d"}, {3600, "h"}, {60, "m"}, {1, "s"}};
  std::string out;
  int parts = 0;
  for (const auto& unit : kUnits) {
    if (parts == 2 || (left < unit.seconds && !(unit.seconds == 1 && parts == 0))) {
      if (parts) break;
      continue;
    }
    out += (parts++ ? " " : "") + std::to_string(left / unit.seconds) + unit.name;
    left %= unit.seconds;
  }
  return out;
}

}  // namespace osb::cli
