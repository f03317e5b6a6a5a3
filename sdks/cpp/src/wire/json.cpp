#include "wire/json.h"

#include "wire/answer_error.h"
#include "wire/text.h"

namespace opensandbox::detail {
namespace {

Value read_value(const Reply& reply, const std::string& doing) {
  try {
    return osb::json::parse(reply.body);
  } catch (const osb::Error& error) {
    throw_unexpected(reply, doing, "the answer is no JSON: " + error.message());
  }
}

const Value* find(const Object& object, std::string_view name) {
  const Value* value = object.if_contains(name);
  return value && !value->is_null() ? value : nullptr;
}

}  // namespace

Object read_object(const Reply& reply, const std::string& doing) {
  Value value = read_value(reply, doing);
  if (!value.is_object()) throw_unexpected(reply, doing, "the answer is no JSON object");
  return std::move(value.get_object());
}

Array read_array(const Reply& reply, const std::string& doing) {
  Value value = read_value(reply, doing);
  if (value.is_null()) return {};
  if (!value.is_array()) throw_unexpected(reply, doing, "the answer is no JSON list");
  return std::move(value.get_array());
}

std::string as_text(const Value& value) {
  if (value.is_string()) return std::string(value.get_string());
  return value.is_null() ? "" : osb::json::serialize(value);
}

std::string loose_text(const Object& object, std::string_view name) {
  const Value* value = object.if_contains(name);
  return value ? as_text(*value) : "";
}

std::optional<std::string> find_text(const Object& object, std::string_view name) {
  const Value* value = find(object, name);
  if (!value || !value->is_string()) return std::nullopt;
  return std::string(value->get_string());
}

std::string text_of(const Object& object, std::string_view name) {
  return find_text(object, name).value_or("");
}

std::optional<int64_t> find_int(const Object& object, std::string_view name) {
  const Value* value = find(object, name);
  if (!value || !value->is_number()) return std::nullopt;
  if (value->is_int64()) return value->get_int64();
  if (!value->is_double()) return std::nullopt;  // an uint64_t that is too large
  double number = value->get_double();
  bool fits = number >= -0x1p63 && number < 0x1p63;
  return fits ? std::optional(static_cast<int64_t>(number)) : std::nullopt;
}

int64_t int_of(const Object& object, std::string_view name) { return find_int(object, name).value_or(0); }

double number_of(const Object& object, std::string_view name) {
  const Value* value = find(object, name);
  return value && value->is_number() ? value->to_number<double>() : 0;
}

bool bool_of(const Object& object, std::string_view name) {
  const Value* value = find(object, name);
  return value && value->is_bool() && value->get_bool();
}

std::optional<Time> find_time(const Object& object, std::string_view name) {
  auto text = find_text(object, name);
  return text ? parse_time(*text) : std::nullopt;
}

const Object* find_object(const Object& object, std::string_view name) {
  const Value* value = find(object, name);
  return value ? value->if_object() : nullptr;
}

const Array* find_array(const Object& object, std::string_view name) {
  const Value* value = find(object, name);
  return value ? value->if_array() : nullptr;
}

StringMap map_of(const Object& object, std::string_view name) {
  StringMap map;
  if (const Object* found = find_object(object, name))
    for (const auto& [key, value] : *found) map[std::string(key)] = as_text(value);
  return map;
}

std::vector<std::string> texts_of(const Object& object, std::string_view name) {
  std::vector<std::string> texts;
  if (const Array* found = find_array(object, name))
    for (const Value& value : *found) texts.push_back(as_text(value));
  return texts;
}

Value to_json(const StringMap& map) { return osb::json::write(map); }
Value to_json(const std::vector<std::string>& texts) { return osb::json::write(texts); }

Call json_call(std::string method, std::string path, std::string doing, const Value* body) {
  Call call;
  call.method = std::move(method);
  call.path = std::move(path);
  call.doing = std::move(doing);
  call.headers.set("Accept", "application/json");
  if (body) {
    call.content_type = "application/json";
    call.body = osb::json::serialize(*body);
  }
  return call;
}

}  // namespace opensandbox::detail
