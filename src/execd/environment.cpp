#include "execd/environment.h"

#include <ctype.h>

#include <optional>

#include "base/error.h"
#include "base/trim.h"
#include "execd/small_file.h"

namespace osb::execd {
namespace {

constexpr size_t kEnvFileBytes = 1024 * 1024;
constexpr const char* kPrivate[] = {
    "EXECD_ACCESS_TOKEN",    "JUPYTER_TOKEN",          "JUPYTER_HOST",      "EXECD_ISOLATION_CONFIG",
    "OPENSANDBOX_LIFECYCLE", "EXECD_LIFECYCLE_CONFIG", "EXECD_RUNTIME_INIT"};

constexpr std::string_view kBlanks = " \t\r\v\f";

bool is_name_start(char c) { return isalpha(static_cast<unsigned char>(c)) || c == '_'; }
bool is_name_char(char c) { return is_name_start(c) || isdigit(static_cast<unsigned char>(c)); }

// A reference at the start of `text`, which begins with '$'. Empty name: the dollar stands for itself.
struct Reference {
  std::string_view name;
  size_t length;
};
Reference reference_at(std::string_view text) {
  bool braces = text.size() > 1 && text[1] == '{';
  size_t begin = braces ? 2 : 1;
  size_t end = begin;
  if (end < text.size() && is_name_start(text[end]))
    while (end < text.size() && is_name_char(text[end])) ++end;
  if (end == begin || (braces && (end >= text.size() || text[end] != '}'))) return {{}, 1};
  return {text.substr(begin, end - begin), braces ? end + 1 : end};
}

// Appends `text` with references replaced by what `look_up` says.
template <class LookUp>
std::string substitute(std::string_view text, LookUp look_up) {
  std::string out;
  while (!text.empty()) {
    if (text[0] != '$') {
      size_t plain = std::min(text.find('$'), text.size());
      out.append(text.substr(0, plain));
      text.remove_prefix(plain);
      continue;
    }
    Reference reference = reference_at(text);
    if (reference.name.empty())
      out += '$';
    else
      out += look_up(reference.name);
    text.remove_prefix(reference.length);
  }
  return out;
}

std::string look_up_or_empty(const Environment& known, std::string_view name) {
  auto found = known.find(std::string(name));
  return found == known.end() ? std::string() : found->second;
}

char unescaped(char c) {
  switch (c) {
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    default:
      return c;
  }
}

// The value of "…" including both quotes; nullopt if the closing quote is not the last character.
std::optional<std::string> double_quoted(std::string_view text, const Environment& known) {
  std::string out;
  for (size_t i = 1; i < text.size(); ++i) {
    char c = text[i];
    if (c == '"') {
      if (i + 1 != text.size()) return std::nullopt;
      return out;
    }
    if (c == '\\' && i + 1 < text.size() &&
        std::string_view("\\\"nrt$").find(text[i + 1]) != std::string_view::npos) {
      out += unescaped(text[++i]);
    } else if (c == '$') {
      Reference reference = reference_at(text.substr(i));
      out += reference.name.empty() ? "$" : look_up_or_empty(known, reference.name);
      i += reference.length - 1;
    } else {
      out += c;
    }
  }
  return std::nullopt;
}

std::string value_of(std::string_view text, const Environment& known) {
  if (text.size() >= 2 && text.front() == '\'' && text.find('\'', 1) == text.size() - 1)
    return std::string(text.substr(1, text.size() - 2));
  if (text.size() >= 2 && text.front() == '"')
    if (auto value = double_quoted(text, known)) return *value;
  return substitute(text, [&](std::string_view name) { return look_up_or_empty(known, name); });
}

void parse_line(std::string_view line, const Environment& known, Environment& out) {
  line = trim(line, kBlanks);
  if (line.empty() || line[0] == '#') return;
  if (line.starts_with("export ")) line = trim(line.substr(7), kBlanks);
  size_t equals = line.find('=');
  if (equals == std::string_view::npos) return;
  std::string_view name = trim(line.substr(0, equals), kBlanks);
  if (name.empty() || name.find_first_of(" \t") != std::string_view::npos) return;
  std::string value = value_of(trim(line.substr(equals + 1), kBlanks), known);
  if (value.find('\0') != std::string::npos || name.find('\0') != std::string_view::npos) return;
  out[std::string(name)] = std::move(value);
}

void overlay(Environment& onto, const Environment& with) {
  for (const auto& [name, value] : with) onto[name] = value;
}

}  // namespace

void remove_private_variables(Environment& environment) {
  for (const char* name : kPrivate) environment.erase(name);
}

Environment parse_env_file(std::string_view text, const Environment& known) {
  Environment out;
  while (!text.empty()) {
    size_t end = std::min(text.find('\n'), text.size());
    parse_line(text.substr(0, end), known, out);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

Environment command_environment(const Environment& base, const Environment& request) {
  Environment out = base;
  auto path = base.find(std::string(kEnvFileVariable));
  if (path != base.end() && !path->second.empty())
    if (auto text = read_small_file(path->second, kEnvFileBytes)) overlay(out, parse_env_file(*text, base));
  overlay(out, request);
  return out;
}

std::string expand_path(std::string_view path, const Environment& environment) {
  auto defined = [&](std::string_view name) {
    auto found = environment.find(std::string(name));
    if (found == environment.end())
      throw Error(ErrorCode::invalid,
                  "expanding the path " + std::string(path) + ": " + std::string(name) + " is not set");
    return found->second;
  };
  if (path == "~" || path.starts_with("~/")) return defined("HOME") + substitute(path.substr(1), defined);
  return substitute(path, defined);
}

std::vector<std::string> to_strings(const Environment& environment) {
  std::vector<std::string> out;
  out.reserve(environment.size());
  for (const auto& [name, value] : environment) out.push_back(name + "=" + value);
  return out;
}

Environment from_strings(char** environment) {
  std::vector<std::string> texts;
  for (char** entry = environment; *entry; ++entry) texts.emplace_back(*entry);
  return from_strings(texts);
}

Environment from_strings(const std::vector<std::string>& environment) {
  Environment out;
  for (const std::string& text : environment) {
    size_t equals = text.find('=');
    if (equals != std::string::npos && equals != 0) out[text.substr(0, equals)] = text.substr(equals + 1);
  }
  return out;
}

}  // namespace osb::execd
