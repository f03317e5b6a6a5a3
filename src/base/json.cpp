#include "base/json.h"

#include <fmt/core.h>

#include <cmath>

#include <boost/json/stream_parser.hpp>

#include "base/json_text.h"

namespace osb::json {

std::optional<SyntaxError> try_parse(std::string_view text, Value& out) {
  boost::json::parse_options options;
  options.max_depth = kMaxDepth;
  boost::json::stream_parser parser({}, options);
  boost::system::error_code error;
  size_t used = parser.write_some(text.data(), text.size(), error);
  if (error) return SyntaxError{used, error.message()};
  if (!parser.done()) parser.finish(error);
  if (error) return SyntaxError{text.size(), "the text ends in the middle of a value"};
  size_t after = text.find_first_not_of(" \t\r\n", used);
  if (after != std::string_view::npos) return SyntaxError{after, "something follows the value"};
  out = parser.release();
  return std::nullopt;
}

Value parse(std::string_view text) {
  Value out;
  if (auto error = try_parse(text, out))
    throw Error(ErrorCode::invalid, fmt::format("reading JSON: {} at byte {}", error->what, error->offset));
  return out;
}

namespace {
void append_double(std::string& out, double number) {
  if (!std::isfinite(number)) {
    out += "null";
  } else if (number == std::floor(number) && std::fabs(number) < 1e15) {
    out += std::to_string(static_cast<int64_t>(number));
  } else {
    out += fmt::format("{}", number);
  }
}

void append_object(std::string& out, const Object& object) {
  out += '{';
  bool first = true;
  for (const auto& [key, item] : object) {
    if (!first) out += ',';
    first = false;
    append_json_string(out, key);
    out += ':';
    append(out, item);
  }
  out += '}';
}

void append_array(std::string& out, const Array& array) {
  out += '[';
  for (size_t i = 0; i < array.size(); i++) {
    if (i) out += ',';
    append(out, array[i]);
  }
  out += ']';
}
}  // namespace

void append(std::string& out, const Value& value) {
  switch (value.kind()) {
    case boost::json::kind::null:
      out += "null";
      return;
    case boost::json::kind::bool_:
      out += value.get_bool() ? "true" : "false";
      return;
    case boost::json::kind::int64:
      out += std::to_string(value.get_int64());
      return;
    case boost::json::kind::uint64:
      out += std::to_string(value.get_uint64());
      return;
    case boost::json::kind::double_:
      append_double(out, value.get_double());
      return;
    case boost::json::kind::string:
      append_json_string(out, value.get_string());
      return;
    case boost::json::kind::array:
      append_array(out, value.get_array());
      return;
    case boost::json::kind::object:
      append_object(out, value.get_object());
      return;
  }
}

std::string serialize(const Value& value) {
  std::string out;
  append(out, value);
  return out;
}

namespace detail {

void fail(std::string_view path, std::string_view what) {
  throw Error(ErrorCode::invalid, path.empty() ? std::string(what) : fmt::format("{}: {}", path, what));
}

int64_t read_int(const Value& value, std::string_view path, int64_t low, int64_t high) {
  int64_t number = 0;
  if (value.is_int64()) {
    number = value.get_int64();
  } else if (value.is_uint64()) {
    fail(path, "the number is too large");
  } else {
    fail(path, "expected an integer");
  }
  if (number < low || number > high) fail(path, fmt::format("expected an integer from {} to {}", low, high));
  return number;
}

}  // namespace detail

}  // namespace osb::json
