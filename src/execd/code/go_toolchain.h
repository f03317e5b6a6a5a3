// Which Go of the image builds complete programs: the one that GO_VERSION names ("1.24" is the
// newest 1.24.x), else the one in the PATH, else the newest. Toolchains are looked for in the PATH,
// /usr/local/go*, /opt/opensandbox/go/*, /opt/go/*, ~/sdk/go*, and in the module cache, where `go` itself
// keeps those that it downloads.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "execd/environment.h"

namespace osb::execd {

struct GoToolchain {
  std::string program;  // …/bin/go, without symbolic links
  std::string version;  // "1.24.11"
};

// Those that exist and can be run, in the order above, each once.
std::vector<GoToolchain> installed_go(const Environment& env);

// nullopt when the image has none and none is asked for. Throws Error(unsupported), which lists what is
// there, when GO_VERSION names another one; on the image `host` the best one is used instead, with a warning.
std::optional<GoToolchain> chosen_go(const Environment& env, const std::vector<GoToolchain>& installed);

}  // namespace osb::execd
