// From a path as a client writes it to the path that is meant: "~" and "$VAR" expanded, absolute, clean.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace osb::execd {

class PathRules {
 public:
  PathRules(std::string working_directory, std::map<std::string, std::string> env)
      : working_directory_(std::move(working_directory)), env_(std::move(env)) {}

  // The rules for somebody else: relative paths start at "/", HOME is his ("": he has none).
  PathRules at_home(const std::string& home) const;

  // "~" and "~/…" start at $HOME; $NAME and ${NAME} are replaced (any other '$' is literal); a relative path
  // starts at the working directory; "." and ".." are resolved by the text. Where a name is not set but a
  // file of exactly the written name exists, that file is meant, so that names holding a '$' stay reachable.
  // Throws Error(invalid, wire) for an unset name, a NUL byte, an empty path, and more than PATH_MAX bytes.
  std::string resolve(std::string_view raw, const std::string& wire = "INVALID_REQUEST_BODY") const;

 private:
  const std::string* find(std::string_view name) const;
  std::string absolute(std::string_view path) const;

  std::string working_directory_;
  std::map<std::string, std::string> env_;
};

}  // namespace osb::execd
