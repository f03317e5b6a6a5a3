// What `osb cp` is told: files here, and files in a sandbox as "SANDBOX:PATH".
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace osb::cli {

struct RemotePath {
  std::string sandbox, path;
};

// nullopt for a file of this machine: no colon, or a slash or dot before it ("./a:b" is a local file).
std::optional<RemotePath> remote_path(const std::string& text);

std::string base_name(const std::string& path);
// One slash between the two.
std::string join_path(const std::string& directory, const std::string& name);
// `path` relative to `root`; nullopt if it is not below it, or has ".." in it: names that come from a sandbox
// must not lead anywhere else.
std::optional<std::string> below(const std::string& root, const std::string& path);

}  // namespace osb::cli
