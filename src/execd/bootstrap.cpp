#include "execd/bootstrap.h"

#include <stdlib.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "base/error.h"
#include "base/log.h"

namespace osb::execd {
namespace {

constexpr const char* kVariable = "EXECD_BOOTSTRAP_PRE_SCRIPT";
// "." looks a bare name up in PATH; the variable must not reach the second life.
constexpr const char* kScript =
    "set -e; script=$EXECD_BOOTSTRAP_PRE_SCRIPT; unset EXECD_BOOTSTRAP_PRE_SCRIPT; "
    "case $script in */*) ;; *) script=./$script ;; esac; . \"$script\"; exec \"$0\" \"$@\"";

std::string own_path(const char* otherwise) {
  char path[4096];
  ssize_t n = ::readlink("/proc/self/exe", path, sizeof path);
  return n > 0 && static_cast<size_t>(n) < sizeof path ? std::string(path, static_cast<size_t>(n))
                                                       : otherwise;
}

}  // namespace

void source_bootstrap_script(char** argv) {
  const char* script = ::getenv(kVariable);
  if (!script || !*script) return;
  if (::access(script, R_OK) != 0) {
    log_warn("the bootstrap script cannot be read", {{"path", script}});
    return;
  }
  std::string self = own_path(argv[0]);
  std::vector<char*> arguments = {const_cast<char*>("sh"), const_cast<char*>("-c"),
                                  const_cast<char*>(kScript), self.data()};
  for (char** word = argv + 1; *word; ++word) arguments.push_back(*word);
  arguments.push_back(nullptr);
  ::execv("/bin/sh", arguments.data());
  throw system_error(std::string("sourcing ") + script);
}

}  // namespace osb::execd
