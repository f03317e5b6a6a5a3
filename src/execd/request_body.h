// JSON request bodies of the execution API, with the tolerance its clients are used to: Content-Type does not
// matter, what follows the first JSON value is ignored, unknown members are ignored, null is absent, and
// names match without regard to case when no exact one is there. Wrong types are refused.
#pragma once

#include <string>
#include <string_view>

#include "base/json.h"

namespace osb::execd {

// Throws Error(invalid) with code INVALID_REQUEST_BODY.
[[noreturn]] void refuse_body(const std::string& why);
json::Object parse_request_object(std::string_view body);
// The same for any JSON value.
json::Value parse_request_value(std::string_view body);

namespace detail {
const json::Value* find_member(const json::Object& object, std::string_view name);
}

// The members of an object that was parsed already; `path` is for messages ("": the body itself).
template <class T>
T read_members(const json::Object& given, const std::string& path = {}) {
  json::Object named;
  boost::mp11::mp_for_each<boost::describe::describe_members<T, boost::describe::mod_any_access>>(
      [&](auto member) {
        if (const json::Value* found = detail::find_member(given, member.name)) named[member.name] = *found;
      });
  try {
    return json::read<T>(named);
  } catch (const Error& error) {
    refuse_body(path.empty() ? error.message() : path + ": " + error.message());
  }
}

template <class T>
T read_request(std::string_view body) {
  return read_members<T>(parse_request_object(body));
}

}  // namespace osb::execd
