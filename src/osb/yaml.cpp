#include "osb/yaml.h"

#include <cctype>

#include "base/json_text.h"

namespace osb::cli {

namespace {

void indent(std::string& out, size_t depth) { out.append(depth * 2, ' '); }

void append_pretty(std::string& out, const json::Value& value, size_t depth);

template <class Container, class Item>
void append_block(std::string& out, const Container& items, char open, char close, size_t depth, Item item) {
  out += open;
  bool first = true;
  for (const auto& each : items) {
    out += first ? "\n" : ",\n";
    first = false;
    indent(out, depth + 1);
    item(each);
  }
  out += '\n';
  indent(out, depth);
  out += close;
}

void append_pretty(std::string& out, const json::Value& value, size_t depth) {
  if (value.is_object() && !value.get_object().empty()) {
    append_block(out, value.get_object(), '{', '}', depth, [&](const auto& member) {
      append_json_string(out, {member.key().data(), member.key().size()});
      out += ": ";
      append_pretty(out, member.value(), depth + 1);
    });
  } else if (value.is_array() && !value.get_array().empty()) {
    append_block(out, value.get_array(), '[', ']', depth,
                 [&](const json::Value& item) { append_pretty(out, item, depth + 1); });
  } else {
    json::append(out, value);
  }
}

// Letters, digits and harmless punctuation inside, and nothing that reads as null, a truth value or a number.
bool is_plain(std::string_view text) {
  static constexpr std::string_view kReserved[] = {"null", "true", "false", "yes", "no",
                                                   "on",   "off",  "y",     "n"};
  if (text.empty() ||
      !(std::isalpha(static_cast<unsigned char>(text[0])) || text[0] == '/' || text[0] == '_'))
    return false;
  for (char c : text)
    if (!std::isalnum(static_cast<unsigned char>(c)) &&
        std::string_view("_-./").find(c) == std::string_view::npos)
      return false;
  std::string lower(text);
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  for (std::string_view word : kReserved)
    if (lower == word) return false;
  return true;
}

void append_scalar(std::string& out, std::string_view text) {
  if (is_plain(text)) {
    out += text;
  } else {
    append_json_string(out, text);
  }
}

bool is_block(const json::Value& value) {
  return (value.is_object() && !value.get_object().empty()) ||
         (value.is_array() && !value.get_array().empty());
}

void append_yaml(std::string& out, const json::Value& value, size_t depth);

void append_nested(std::string& out, const json::Value& value, size_t depth) {
  if (is_block(value)) {
    out += '\n';
    append_yaml(out, value, depth);
    return;
  }
  out += ' ';
  append_yaml(out, value, depth);
}

void append_mapping(std::string& out, const json::Object& object, size_t depth) {
  bool first = true;
  for (const auto& member : object) {
    if (!first || (!out.empty() && out.back() == '\n')) indent(out, depth);
    first = false;
    append_scalar(out, {member.key().data(), member.key().size()});
    out += ':';
    append_nested(out, member.value(), depth + 1);
  }
}

void append_yaml(std::string& out, const json::Value& value, size_t depth) {
  if (!is_block(value)) {
    if (value.is_string()) {
      append_scalar(out, {value.get_string().data(), value.get_string().size()});
    } else {
      json::append(out, value);
    }
    out += '\n';
  } else if (value.is_object()) {
    append_mapping(out, value.get_object(), depth);
  } else {
    for (const json::Value& item : value.get_array()) {
      if (out.empty() || out.back() == '\n') indent(out, depth);
      out += "- ";
      append_yaml(out, item, depth + 1);
    }
  }
}

}  // namespace

std::string pretty_json(const json::Value& value) {
  std::string out;
  append_pretty(out, value, 0);
  out += '\n';
  return out;
}

std::string yaml(const json::Value& value) {
  std::string out;
  append_yaml(out, value, 0);
  return out;
}

}  // namespace osb::cli
