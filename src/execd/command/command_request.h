// From the body of POST /command to a command that can be started: exactly one of `command` (for the shell)
// and `argv` (as it stands), the environment in layers, the working directory expanded and there, the
// identity complete.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <boost/describe.hpp>

#include "execd/command/command.h"
#include "execd/environment.h"

namespace osb::execd {

struct CommandRequest {
  std::optional<std::string> command;
  std::optional<std::vector<std::string>> argv;
  std::optional<std::string> cwd;
  std::optional<bool> background;
  std::optional<int64_t> timeout;  // ms
  std::optional<uint32_t> uid;
  std::optional<uint32_t> gid;
  std::optional<std::map<std::string, std::optional<std::string>>> envs;
};
BOOST_DESCRIBE_STRUCT(CommandRequest, (), (command, argv, cwd, background, timeout, uid, gid, envs))

// What all commands have in common.
struct CommandDefaults {
  Environment environment;  // base layer
  std::string cwd = "/";    // absolute
  int oom_score_adj = 500;
  uint64_t open_files = 0;  // soft limit; 0: the daemon's
};

// Throws Error(invalid) with code INVALID_REQUEST_BODY.
CommandRequest parse_command_request(std::string_view body);
CommandSpec resolve_command(const CommandRequest& request, const CommandDefaults& defaults);

// The shell that `command` texts are for: bash where the PATH has it, else sh.
std::string find_shell(const Environment& environment);
// The absolute path that `cwd` means, whether it is there or not. Throws like resolve_command().
std::string requested_directory(const std::string& cwd, const std::string& base,
                                const Environment& environment);
// An absolute directory for `cwd` ("" is the default one, or the root where somebody has removed that).
// Throws like resolve_command().
std::string resolve_directory(const std::string& cwd, const std::string& base,
                              const Environment& environment);

}  // namespace osb::execd
