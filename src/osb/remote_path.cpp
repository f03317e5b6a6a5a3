#include "osb/remote_path.h"

namespace osb::cli {

std::optional<RemotePath> remote_path(const std::string& text) {
  size_t colon = text.find(':');
  if (colon == std::string::npos || colon == 0 || text.find_first_of("/.") < colon) return std::nullopt;
  std::string path = text.substr(colon + 1);
  return RemotePath{text.substr(0, colon), path.empty() ? "." : path};
}

std::string base_name(const std::string& path) {
  size_t end = path.find_last_not_of('/');
  if (end == std::string::npos) return "/";
  size_t slash = path.rfind('/', end);
  return path.substr(slash + 1, end - slash);
}

std::string join_path(const std::string& directory, const std::string& name) {
  if (directory.empty()) return name;
  return directory.back() == '/' ? directory + name : directory + "/" + name;
}

std::optional<std::string> below(const std::string& root, const std::string& path) {
  std::string prefix = join_path(root, "");
  if (!path.starts_with(prefix) || path.size() == prefix.size()) return std::nullopt;
  std::string rest = path.substr(prefix.size());
  std::string padded = "/" + rest + "/";
  if (padded.find("/../") != std::string::npos || padded.find("/./") != std::string::npos ||
      padded.find("//") != std::string::npos || rest.find('\0') != std::string::npos)
    return std::nullopt;
  return rest;
}

}  // namespace osb::cli
