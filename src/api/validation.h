// Schema checks with the answers that released clients know: a list of {type, loc, msg, input, ctx} under
// "detail", status 422. Every problem of a request is collected before it is refused. `type` and `loc` are
// the contract, `msg` is ours.
//
// Members are looked up by their camelCase name, then by its snake_case spelling. Numbers and booleans are
// read leniently (numeric strings, integral floats, "yes"); strings are not made from anything else.
#pragma once

#include <cstdint>
#include <exception>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/json.h"

namespace osb::api {

using Step = std::variant<std::string, int64_t>;  // member name or list index
using Location = std::vector<Step>;

struct Problem {
  std::string type;
  Location loc;
  std::string msg;
  json::Value input;
  std::optional<json::Object> ctx;
};

class ValidationError : public std::exception {
 public:
  explicit ValidationError(std::vector<Problem> problems);
  const std::vector<Problem>& problems() const { return problems_; }
  // {"detail": [...], "code": …, "message": …}
  json::Value body() const;
  // "timeout: must be at least 60"
  const char* what() const noexcept override { return summary_.c_str(); }

 private:
  std::vector<Problem> problems_;
  std::string summary_;
};

class Problems {
 public:
  static constexpr size_t kMost = 64;  // further ones are dropped

  void add(Problem problem);
  void take(Problems other);
  bool empty() const { return list_.empty(); }
  void throw_if_any();

 private:
  std::vector<Problem> list_;
};

Location operator+(Location loc, Step step);

// A rule over several members: type value_error, location and input of the whole object.
Problem rule_problem(Location loc, std::string msg, const json::Value& input);

// The JSON of a request body. Throws ValidationError: `missing` for an empty body or null, `json_invalid`
// otherwise.
json::Value parse_body(std::string_view body);

struct TextRule {
  size_t shortest = 0;
  size_t longest = SIZE_MAX;
  bool (*matches)(std::string_view) = nullptr;
  std::string_view pattern;  // reported when `matches` says no
};
struct IntRule {
  int64_t least = INT64_MIN;
  int64_t most = INT64_MAX;
};

std::optional<std::string> check_text(const json::Value& value, Location loc, Problems& problems,
                                      TextRule rule = {});
// Numbers beyond 64 bits are cut to the nearest end.
std::optional<int64_t> check_integer(const json::Value& value, Location loc, Problems& problems,
                                     IntRule rule = {});
std::optional<bool> check_flag(const json::Value& value, Location loc, Problems& problems);
std::optional<TimePoint> check_time(const json::Value& value, Location loc, Problems& problems);
std::optional<std::vector<std::string>> check_texts(const json::Value& value, Location loc,
                                                    Problems& problems, size_t fewest = 0);
// String to string. With `nulls`, null values are allowed and their keys are left out.
std::optional<std::map<std::string, std::string>> check_text_map(const json::Value& value, Location loc,
                                                                 Problems& problems, bool nulls = false);

// The members of one object. The getters of optional members treat null as absent.
class Fields {
 public:
  // Reports model_attributes_type when `value` is not an object; then every member counts as absent and
  // nothing more is reported. `value` and `problems` outlive this.
  Fields(const json::Value& value, Location loc, Problems& problems);

  // nullptr when absent or null.
  const json::Value* find(std::string_view name) const;
  // Reports `missing` when absent; may return a null value.
  const json::Value* require(std::string_view name) const;
  Location at(std::string_view name) const { return loc_ + Step(std::string(name)); }
  // Reports extra_forbidden for every member that is not listed (camelCase names).
  void forbid_others(std::initializer_list<std::string_view> names) const;

  std::optional<std::string> text(std::string_view name, TextRule rule = {}) const;
  std::optional<std::string> required_text(std::string_view name, TextRule rule = {}) const;
  std::optional<int64_t> integer(std::string_view name, IntRule rule = {}) const;
  // Unlike the others refuses null, as the reference does.
  bool flag(std::string_view name, bool otherwise) const;
  std::optional<std::vector<std::string>> texts(std::string_view name, size_t fewest = 0) const;
  std::optional<std::map<std::string, std::string>> text_map(std::string_view name, bool nulls = false) const;

 private:
  const json::Value* raw(std::string_view name) const;

  const json::Value& value_;
  Location loc_;
  Problems& problems_;
};

}  // namespace osb::api
