#include "execd/duration_text.h"

#include <cmath>

namespace osb::execd {
namespace {

struct Unit {
  std::string_view name;
  double nanoseconds;
};
// Longer names before those that they begin with.
constexpr Unit kUnits[] = {{"ns", 1},   {"us", 1e3}, {"\u00b5s", 1e3}, {"\u03bcs", 1e3},
                           {"ms", 1e6}, {"s", 1e9},  {"m", 60e9},      {"h", 3600e9}};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Digits with at most one point; false if there is no digit.
bool take_number(std::string_view& text, double& value) {
  size_t digits = 0;
  double scale = 1;
  bool fraction = false;
  value = 0;
  for (; !text.empty() && (is_digit(text[0]) || (text[0] == '.' && !fraction)); text.remove_prefix(1)) {
    if (text[0] == '.') {
      fraction = true;
      continue;
    }
    ++digits;
    if (fraction)
      value += (text[0] - '0') * (scale /= 10);
    else
      value = value * 10 + (text[0] - '0');
  }
  return digits > 0;
}

const Unit* take_unit(std::string_view& text) {
  for (const Unit& unit : kUnits) {
    if (!text.starts_with(unit.name)) continue;
    text.remove_prefix(unit.name.size());
    return &unit;
  }
  return nullptr;
}

}  // namespace

std::optional<std::chrono::nanoseconds> parse_duration(std::string_view text) {
  bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  if (text == "0") return std::chrono::nanoseconds(0);
  if (text.empty()) return std::nullopt;
  double sum = 0;
  while (!text.empty()) {
    double value = 0;
    if (!take_number(text, value)) return std::nullopt;
    const Unit* unit = take_unit(text);
    if (!unit) return std::nullopt;
    sum += value * unit->nanoseconds;
  }
  if (!(sum < 9.2e18)) return std::nullopt;
  return std::chrono::nanoseconds(std::llround(negative ? -sum : sum));
}

}  // namespace osb::execd
