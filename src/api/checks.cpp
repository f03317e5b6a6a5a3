// The single-value checks of validation.h.
#include <fmt/core.h>

#include <cmath>

#include "api/coercion.h"
#include "api/validation.h"

namespace osb::api {

namespace {

size_t characters(std::string_view utf8) {
  size_t count = 0;
  for (unsigned char c : utf8) count += (c & 0xC0) != 0x80;
  return count;
}

std::optional<int64_t> wrong(Problems& problems, std::string type, Location loc, std::string msg,
                             const json::Value& value) {
  problems.add({std::move(type), std::move(loc), std::move(msg), value, std::nullopt});
  return std::nullopt;
}

// The number, or a reported problem; limits are not looked at.
std::optional<int64_t> plain_integer(const json::Value& value, const Location& loc, Problems& problems) {
  if (value.is_int64()) return value.get_int64();
  if (value.is_uint64()) return INT64_MAX;
  if (value.is_bool()) return value.get_bool() ? 1 : 0;
  if (value.is_double()) {
    double number = value.get_double();
    if (number != std::floor(number))
      return wrong(problems, "int_from_float", loc, "expected a whole number", value);
    if (number >= 9.2e18) return INT64_MAX;
    if (number <= -9.2e18) return INT64_MIN;
    return static_cast<int64_t>(number);
  }
  if (value.is_string()) {
    if (auto number = integer_of(value.get_string())) return number;
    return wrong(problems, "int_parsing", loc, "the text is not a whole number", value);
  }
  return wrong(problems, "int_type", loc, "expected a whole number", value);
}

}  // namespace

std::optional<std::string> check_text(const json::Value& value, Location loc, Problems& problems,
                                      TextRule rule) {
  if (!value.is_string()) {
    problems.add({"string_type", std::move(loc), "expected a string", value, std::nullopt});
    return std::nullopt;
  }
  std::string text(value.get_string());
  size_t length = characters(text);
  if (length < rule.shortest) {
    problems.add({"string_too_short", std::move(loc),
                  fmt::format("must have at least {} characters", rule.shortest), value,
                  json::Object{{"min_length", rule.shortest}}});
  } else if (length > rule.longest) {
    problems.add({"string_too_long", std::move(loc),
                  fmt::format("must have at most {} characters", rule.longest), value,
                  json::Object{{"max_length", rule.longest}}});
  } else if (rule.matches && !rule.matches(text)) {
    problems.add({"string_pattern_mismatch", std::move(loc), fmt::format("does not match {}", rule.pattern),
                  value, json::Object{{"pattern", rule.pattern}}});
  } else {
    return text;
  }
  return std::nullopt;
}

std::optional<int64_t> check_integer(const json::Value& value, Location loc, Problems& problems,
                                     IntRule rule) {
  auto number = plain_integer(value, loc, problems);
  if (!number) return std::nullopt;
  if (*number < rule.least) {
    problems.add({"greater_than_equal", std::move(loc), fmt::format("must be at least {}", rule.least), value,
                  json::Object{{"ge", rule.least}}});
    return std::nullopt;
  }
  if (*number > rule.most) {
    problems.add({"less_than_equal", std::move(loc), fmt::format("must be at most {}", rule.most), value,
                  json::Object{{"le", rule.most}}});
    return std::nullopt;
  }
  return number;
}

std::optional<bool> check_flag(const json::Value& value, Location loc, Problems& problems) {
  if (value.is_bool()) return value.get_bool();
  std::optional<bool> flag;
  bool readable = value.is_string() || value.is_number();
  if (value.is_string()) flag = flag_of(value.get_string());
  if (value.is_number()) {
    double number = value.to_number<double>();
    if (number == 0 || number == 1) flag = number == 1;
  }
  if (!flag)
    problems.add({readable ? "bool_parsing" : "bool_type", std::move(loc), "expected true or false", value,
                  std::nullopt});
  return flag;
}

std::optional<TimePoint> check_time(const json::Value& value, Location loc, Problems& problems) {
  if (value.is_number()) {
    // Unix seconds or milliseconds; a fraction of a second is kept to the microsecond.
    double number = value.to_number<double>();
    if (std::optional<TimePoint> whole = parse_time(fmt::format("{:.0f}", std::floor(number)))) {
      auto rest = std::fabs(number) > 2e10 ? 0.0 : number - std::floor(number);
      return *whole + std::chrono::microseconds(static_cast<int64_t>(rest * 1e6));
    }
  } else if (value.is_string()) {
    if (auto time = parse_time(trim(value.get_string()))) return time;
  } else {
    problems.add({"datetime_type", std::move(loc), "expected a time", value, std::nullopt});
    return std::nullopt;
  }
  std::string why = "expected a time such as 2030-01-31T12:00:00Z";
  problems.add({"datetime_from_date_parsing", std::move(loc), why, value, json::Object{{"error", why}}});
  return std::nullopt;
}

std::optional<std::vector<std::string>> check_texts(const json::Value& value, Location loc,
                                                    Problems& problems, size_t fewest) {
  if (!value.is_array()) {
    problems.add({"list_type", std::move(loc), "expected a list", value, std::nullopt});
    return std::nullopt;
  }
  const json::Array& items = value.get_array();
  if (items.size() < fewest) {
    problems.add(
        {"too_short", std::move(loc), fmt::format("needs at least {} item", fewest), value,
         json::Object{{"field_type", "List"}, {"min_length", fewest}, {"actual_length", items.size()}}});
    return std::nullopt;
  }
  std::vector<std::string> out;
  for (size_t i = 0; i < items.size(); i++) {
    auto text = check_text(items[i], loc + Step(static_cast<int64_t>(i)), problems);
    if (text) out.push_back(std::move(*text));
  }
  return out.size() == items.size() ? std::optional(std::move(out)) : std::nullopt;
}

std::optional<std::map<std::string, std::string>> check_text_map(const json::Value& value, Location loc,
                                                                 Problems& problems, bool nulls) {
  if (!value.is_object()) {
    problems.add({"dict_type", std::move(loc), "expected an object", value, std::nullopt});
    return std::nullopt;
  }
  std::map<std::string, std::string> out;
  bool good = true;
  for (const auto& [key, item] : value.get_object()) {
    if (nulls && item.is_null()) continue;
    auto text = check_text(item, loc + Step(std::string(key)), problems);
    good = good && text;
    if (text) out.emplace(key, std::move(*text));
  }
  return good ? std::optional(std::move(out)) : std::nullopt;
}

}  // namespace osb::api
