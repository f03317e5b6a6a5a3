// Tolerant reading of JSON: what is absent, null or of another type counts as not given.
#pragma once

#include <opensandbox/sandbox_types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "transport/request.h"

namespace opensandbox::detail {

using osb::json::Array;
using osb::json::Object;
using osb::json::Value;

// The body as an object or list. Throws Error(protocol) that quotes what was being done.
Object read_object(const Reply& reply, const std::string& doing);
Array read_array(const Reply& reply, const std::string& doing);

std::optional<std::string> find_text(const Object& object, std::string_view name);
std::string text_of(const Object& object, std::string_view name);
// Without its fraction; not given if it needs more than 64 bits.
std::optional<int64_t> find_int(const Object& object, std::string_view name);
int64_t int_of(const Object& object, std::string_view name);
double number_of(const Object& object, std::string_view name);
bool bool_of(const Object& object, std::string_view name);
std::optional<Time> find_time(const Object& object, std::string_view name);
const Object* find_object(const Object& object, std::string_view name);
const Array* find_array(const Object& object, std::string_view name);
StringMap map_of(const Object& object, std::string_view name);
std::vector<std::string> texts_of(const Object& object, std::string_view name);
// A text as it is, another value as its JSON.
std::string as_text(const Value& value);
// The same of a member; empty if it is not there.
std::string loose_text(const Object& object, std::string_view name);

Value to_json(const StringMap& map);
Value to_json(const std::vector<std::string>& texts);

// A call with a JSON body, or without one, that wants JSON.
Call json_call(std::string method, std::string path, std::string doing, const Value* body = nullptr);
inline Call json_call(std::string method, std::string path, std::string doing, const Value& body) {
  return json_call(std::move(method), std::move(path), std::move(doing), &body);
}

}  // namespace opensandbox::detail
