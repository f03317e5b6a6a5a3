// json::read, but members that the struct does not have are refused: nobody should find out from what happens
// later that a word was misspelt.
#pragma once

#include <functional>
#include <set>
#include <string>

#include <boost/describe.hpp>

#include "base/json.h"
#include "osb/problem.h"

namespace osb::cli {

[[noreturn]] inline void refuse_request(const std::string& why) {
  throw Problem("INVALID_REQUEST", "reading the request: " + why);
}

namespace detail {

template <class T>
void refuse_unknown(const json::Value& value, const std::string& path);

// Goes into the members that are structs or lists of structs.
template <class T>
void refuse_unknown_inside(const T*, const json::Value& value, const std::string& path) {
  if constexpr (boost::describe::has_describe_members<T>::value) refuse_unknown<T>(value, path);
}
template <class T>
void refuse_unknown_inside(const json::Required<T>*, const json::Value& value, const std::string& path) {
  refuse_unknown_inside(static_cast<const T*>(nullptr), value, path);
}
template <class T>
void refuse_unknown_inside(const std::optional<T>*, const json::Value& value, const std::string& path) {
  refuse_unknown_inside(static_cast<const T*>(nullptr), value, path);
}
template <class T>
void refuse_unknown_inside(const std::vector<T>*, const json::Value& value, const std::string& path) {
  if (!value.is_array()) return;
  size_t index = 0;
  for (const json::Value& item : value.get_array())
    refuse_unknown_inside(static_cast<const T*>(nullptr), item, path + "[" + std::to_string(index++) + "]");
}

template <class T>
void refuse_unknown(const json::Value& value, const std::string& path) {
  if (!value.is_object()) return;  // the reader says so
  std::set<std::string, std::less<>> known;
  boost::mp11::mp_for_each<boost::describe::describe_members<T, boost::describe::mod_public>>(
      [&](auto member) {
        known.insert(member.name);
        if (const json::Value* found = value.get_object().if_contains(member.name)) {
          using Member = std::decay_t<decltype(std::declval<T>().*member.pointer)>;
          refuse_unknown_inside(static_cast<const Member*>(nullptr), *found,
                                json::detail::join(path, member.name));
        }
      });
  for (const auto& member : value.get_object())
    if (!known.contains(std::string(member.key())))
      refuse_request(json::detail::join(path, std::string(member.key())) + ": there is no such member");
}

}  // namespace detail

// Throws Problem (INVALID_REQUEST) with the path of the first member that does not fit or is not known.
template <class T>
T read_strictly(const json::Value& value, const std::string& path) {
  detail::refuse_unknown_inside(static_cast<const T*>(nullptr), value, path);
  try {
    return json::read<T>(value, path);
  } catch (const Error& error) {
    refuse_request(error.message());
  }
}

}  // namespace osb::cli
