#include "execd/files/requested_path.h"

#include <limits.h>
#include <sys/stat.h>

#include "base/error.h"
#include "sys/path.h"

namespace osb::execd {

namespace {

bool starts_name(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool continues_name(char c) { return starts_name(c) || (c >= '0' && c <= '9'); }

// Length of the reference at the start of `text` ("$NAME" or "${NAME}"); 0 if the '$' is literal.
size_t reference(std::string_view text, std::string_view& name) {
  bool braces = text.size() > 1 && text[1] == '{';
  size_t begin = braces ? 2 : 1;
  if (begin >= text.size() || !starts_name(text[begin])) return 0;
  size_t end = begin;
  while (end < text.size() && continues_name(text[end])) ++end;
  if (braces && (end == text.size() || text[end] != '}')) return 0;
  name = text.substr(begin, end - begin);
  return braces ? end + 1 : end;
}

}  // namespace

PathRules PathRules::at_home(const std::string& home) const {
  PathRules out("/", env_);
  if (home.empty())
    out.env_.erase("HOME");
  else
    out.env_["HOME"] = home;
  return out;
}

const std::string* PathRules::find(std::string_view name) const {
  auto found = env_.find(std::string(name));
  return found == env_.end() ? nullptr : &found->second;
}

std::string PathRules::absolute(std::string_view path) const {
  if (path.starts_with('/')) return sys::clean_path(path);
  return sys::clean_path(working_directory_ + "/" + std::string(path));
}

std::string PathRules::resolve(std::string_view raw, const std::string& wire) const {
  auto fail = [&](std::string cause) { return Error(ErrorCode::invalid, std::move(cause), wire); };
  if (raw.empty()) throw fail("reading the path: it is empty");
  if (raw.find('\0') != std::string_view::npos) throw fail("reading the path: it holds a NUL byte");
  if (raw.size() >= PATH_MAX) throw fail("reading the path: it is longer than 4095 bytes");

  std::string expanded;
  std::string unset;
  std::string_view rest = raw;
  if (rest == "~" || rest.starts_with("~/")) {
    if (const std::string* home = find("HOME"))
      expanded = *home;
    else
      unset = "HOME";
    rest.remove_prefix(1);
  }
  while (!rest.empty()) {
    std::string_view name;
    size_t length = rest[0] == '$' ? reference(rest, name) : 0;
    if (length == 0) {
      expanded += rest[0];
      length = 1;
    } else if (const std::string* value = find(name)) {
      expanded += *value;
    } else if (unset.empty()) {
      unset = name;
    }
    rest.remove_prefix(length);
  }
  if (!unset.empty()) {
    std::string literal = absolute(raw);
    struct stat st{};
    if (::lstat(literal.c_str(), &st) == 0) return literal;
    throw fail("expanding " + std::string(raw) + ": " + unset + " is not set");
  }
  std::string path = absolute(expanded);
  if (path.size() >= PATH_MAX || path.find('\0') != std::string::npos)
    throw fail("expanding " + std::string(raw.substr(0, 100)) + ": longer than 4095 bytes");
  return path;
}

}  // namespace osb::execd
