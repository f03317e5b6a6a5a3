// JSON values, and the mapping between them and plain structs.
//
//   struct Point { int x = 0; std::optional<std::string> label; };
//   BOOST_DESCRIBE_STRUCT(Point, (), (x, label))
//   Point p = json::read<Point>(json::parse(R"({"x":1,"later":true})"));   // unknown members are ignored
//   json::write(p)                                                          // {"x":1}, empty optionals left
//   out
//
// A member that is not std::optional and is missing keeps its default, unless its type is json::Required<T>.
// Errors name the path: "image.uri: required", "args[2]: expected a string".
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/describe.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "base/error.h"

namespace osb::json {

using Value = boost::json::value;
using Object = boost::json::object;
using Array = boost::json::array;

constexpr size_t kMaxDepth = 64;

// Throws Error(invalid) "<what> at byte N" for anything but one JSON value of at most kMaxDepth levels.
Value parse(std::string_view text);
// Where and why `text` is not JSON; nullopt if it is. For error bodies that tell the offset.
struct SyntaxError {
  size_t offset;
  std::string what;
};
std::optional<SyntaxError> try_parse(std::string_view text, Value& out);

// Compact, keys in the order they were inserted, strings by append_json_string, 4.0 as 4.
std::string serialize(const Value& value);
void append(std::string& out, const Value& value);

// Marks a member that must be there and not null.
template <class T>
struct Required {
  T value{};
  operator const T&() const { return value; }
  const T& operator*() const { return value; }
  const T* operator->() const { return &value; }
};

namespace detail {

[[noreturn]] void fail(std::string_view path, std::string_view what);
std::string_view kind_name(const Value& value);

template <class T>
struct is_optional : std::false_type {};
template <class T>
struct is_optional<std::optional<T>> : std::true_type {};
template <class T>
struct is_required : std::false_type {};
template <class T>
struct is_required<Required<T>> : std::true_type {};
template <class T>
struct is_vector : std::false_type {};
template <class T>
struct is_vector<std::vector<T>> : std::true_type {};
template <class T>
struct is_string_map : std::false_type {};
template <class T>
struct is_string_map<std::map<std::string, T>> : std::true_type {};

inline std::string join(std::string_view path, std::string_view name) {
  return path.empty() ? std::string(name) : std::string(path) + "." + std::string(name);
}

int64_t read_int(const Value& value, std::string_view path, int64_t low, int64_t high);

template <class T>
void read_into(T& out, const Value& value, const std::string& path) {
  if constexpr (std::is_same_v<T, Value>) {
    out = value;
  } else if constexpr (std::is_same_v<T, bool>) {
    if (!value.is_bool()) fail(path, "expected true or false");
    out = value.get_bool();
  } else if constexpr (std::is_integral_v<T>) {
    constexpr bool small = sizeof(T) < sizeof(int64_t);
    out = static_cast<T>(read_int(value, path,
                                  std::is_unsigned_v<T> ? 0
                                  : small               ? std::numeric_limits<T>::min()
                                                        : INT64_MIN,
                                  small ? static_cast<int64_t>(std::numeric_limits<T>::max()) : INT64_MAX));
  } else if constexpr (std::is_floating_point_v<T>) {
    if (!value.is_number()) fail(path, "expected a number");
    out = value.to_number<T>();
  } else if constexpr (std::is_same_v<T, std::string>) {
    if (!value.is_string()) fail(path, "expected a string");
    out.assign(value.get_string().data(), value.get_string().size());
  } else if constexpr (is_optional<T>::value) {
    if (value.is_null()) {
      out.reset();
    } else {
      read_into(out.emplace(), value, path);
    }
  } else if constexpr (is_required<T>::value) {
    if (value.is_null()) fail(path, "required");
    read_into(out.value, value, path);
  } else if constexpr (is_vector<T>::value) {
    if (!value.is_array()) fail(path, "expected a list");
    out.clear();
    for (const Value& item : value.get_array())
      read_into(out.emplace_back(), item, path + "[" + std::to_string(out.size() - 1) + "]");
  } else if constexpr (is_string_map<T>::value) {
    if (!value.is_object()) fail(path, "expected an object");
    for (const auto& [key, item] : value.get_object())
      read_into(out[std::string(key)], item, join(path, key));
  } else {
    if (!value.is_object()) fail(path, "expected an object");
    const Object& object = value.get_object();
    boost::mp11::mp_for_each<boost::describe::describe_members<T, boost::describe::mod_any_access>>(
        [&](auto member) {
          auto& target = out.*member.pointer;
          std::string at = join(path, member.name);
          const Value* found = object.if_contains(member.name);
          if (!found || found->is_null()) {
            if constexpr (is_required<std::decay_t<decltype(target)>>::value) fail(at, "required");
            return;
          }
          read_into(target, *found, at);
        });
  }
}

template <class T>
Value write_value(const T& in) {
  if constexpr (std::is_same_v<T, Value>) {
    return in;
  } else if constexpr (std::is_arithmetic_v<T> || std::is_same_v<T, bool>) {
    return Value(in);
  } else if constexpr (std::is_same_v<T, std::string>) {
    return Value(boost::json::string(in));
  } else if constexpr (is_optional<T>::value) {
    return in ? write_value(*in) : Value(nullptr);
  } else if constexpr (is_required<T>::value) {
    return write_value(in.value);
  } else if constexpr (is_vector<T>::value) {
    Array array;
    for (const auto& item : in) array.push_back(write_value(item));
    return array;
  } else if constexpr (is_string_map<T>::value) {
    Object object;
    for (const auto& [key, item] : in) object[key] = write_value(item);
    return object;
  } else {
    Object object;
    boost::mp11::mp_for_each<boost::describe::describe_members<T, boost::describe::mod_any_access>>(
        [&](auto member) {
          const auto& source = in.*member.pointer;
          if constexpr (is_optional<std::decay_t<decltype(source)>>::value) {
            if (!source) return;
          }
          object[member.name] = write_value(source);
        });
    return object;
  }
}

}  // namespace detail

// Throws Error(invalid) with the path of the first member that does not fit.
template <class T>
T read(const Value& value, const std::string& path = {}) {
  T out{};
  detail::read_into(out, value, path);
  return out;
}

template <class T>
Value write(const T& in) {
  return detail::write_value(in);
}

}  // namespace osb::json
