#include "api/validation.h"

#include <fmt/core.h>

#include "api/coercion.h"

namespace osb::api {

namespace {

std::string path_text(const Location& loc) {
  std::string out;
  for (size_t i = 1; i < loc.size(); i++) {  // without "body", "query" or "path"
    if (!out.empty()) out += '.';
    out += std::holds_alternative<int64_t>(loc[i]) ? std::to_string(std::get<int64_t>(loc[i]))
                                                   : std::get<std::string>(loc[i]);
  }
  return out;
}

json::Value problem_json(const Problem& problem) {
  json::Array loc;
  for (const Step& step : problem.loc)
    std::visit([&](const auto& s) { loc.push_back(json::write(s)); }, step);
  json::Object out;
  out["type"] = problem.type;
  out["loc"] = std::move(loc);
  out["msg"] = problem.msg;
  out["input"] = problem.input;
  if (problem.ctx) out["ctx"] = *problem.ctx;
  return out;
}

// "resourceLimits" → "resource_limits"
std::string snake_case(std::string_view camel) {
  std::string out;
  for (char c : camel) {
    if (c >= 'A' && c <= 'Z') {
      out += '_';
      out += static_cast<char>(c - 'A' + 'a');
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace

ValidationError::ValidationError(std::vector<Problem> problems) : problems_(std::move(problems)) {
  if (problems_.empty()) return;
  std::string where = path_text(problems_[0].loc);
  summary_ = where.empty() ? problems_[0].msg : where + ": " + problems_[0].msg;
}

json::Value ValidationError::body() const {
  json::Array detail;
  for (const Problem& problem : problems_) detail.push_back(problem_json(problem));
  json::Object out;
  out["detail"] = std::move(detail);
  out["code"] = "VALIDATION_ERROR";
  out["message"] = summary_;
  return out;
}

void Problems::add(Problem problem) {
  if (list_.size() < kMost) list_.push_back(std::move(problem));
}

void Problems::take(Problems other) {
  for (Problem& problem : other.list_) add(std::move(problem));
}

void Problems::throw_if_any() {
  if (!list_.empty()) throw ValidationError(std::move(list_));
}

Location operator+(Location loc, Step step) {
  loc.push_back(std::move(step));
  return loc;
}

Problem rule_problem(Location loc, std::string msg, const json::Value& input) {
  return {"value_error", std::move(loc), std::move(msg), input, json::Object{{"error", json::Object{}}}};
}

json::Value parse_body(std::string_view body) {
  if (body.find_first_not_of(" \t\r\n") == std::string_view::npos)
    throw ValidationError({{"missing", {"body"}, "a JSON body is required", nullptr, std::nullopt}});
  json::Value value;
  if (auto error = json::try_parse(body, value))
    throw ValidationError({{"json_invalid",
                            {"body", static_cast<int64_t>(error->offset)},
                            "the body is not JSON: " + error->what,
                            json::Object{},
                            json::Object{{"error", error->what}}}});
  if (value.is_null())
    throw ValidationError({{"missing", {"body"}, "a JSON body is required", nullptr, std::nullopt}});
  return value;
}

Fields::Fields(const json::Value& value, Location loc, Problems& problems)
    : value_(value), loc_(std::move(loc)), problems_(problems) {
  if (!value_.is_object())
    problems_.add({"model_attributes_type", loc_, "expected an object", value_, std::nullopt});
}

const json::Value* Fields::raw(std::string_view name) const {
  const json::Object* object = value_.if_object();
  if (!object) return nullptr;
  const json::Value* found = object->if_contains(name);
  return found ? found : object->if_contains(snake_case(name));
}

const json::Value* Fields::find(std::string_view name) const {
  const json::Value* found = raw(name);
  return found && found->is_null() ? nullptr : found;
}

const json::Value* Fields::require(std::string_view name) const {
  const json::Value* found = raw(name);
  if (!found && value_.is_object()) problems_.add({"missing", at(name), "required", value_, std::nullopt});
  return found;
}

void Fields::forbid_others(std::initializer_list<std::string_view> names) const {
  if (!value_.is_object()) return;
  for (const auto& [key, item] : value_.get_object()) {
    bool known = false;
    for (std::string_view name : names) known = known || key == name || key == snake_case(name);
    if (!known)
      problems_.add({"extra_forbidden", at(std::string_view(key)), "no such member", item, std::nullopt});
  }
}

std::optional<std::string> Fields::text(std::string_view name, TextRule rule) const {
  const json::Value* value = find(name);
  return value ? check_text(*value, at(name), problems_, rule) : std::nullopt;
}

std::optional<std::string> Fields::required_text(std::string_view name, TextRule rule) const {
  const json::Value* value = require(name);
  return value ? check_text(*value, at(name), problems_, rule) : std::nullopt;
}

std::optional<int64_t> Fields::integer(std::string_view name, IntRule rule) const {
  const json::Value* value = find(name);
  return value ? check_integer(*value, at(name), problems_, rule) : std::nullopt;
}

bool Fields::flag(std::string_view name, bool otherwise) const {
  const json::Value* value = raw(name);
  return value ? check_flag(*value, at(name), problems_).value_or(otherwise) : otherwise;
}

std::optional<std::vector<std::string>> Fields::texts(std::string_view name, size_t fewest) const {
  const json::Value* value = find(name);
  return value ? check_texts(*value, at(name), problems_, fewest) : std::nullopt;
}

std::optional<std::map<std::string, std::string>> Fields::text_map(std::string_view name, bool nulls) const {
  const json::Value* value = find(name);
  return value ? check_text_map(*value, at(name), problems_, nulls) : std::nullopt;
}

}  // namespace osb::api
