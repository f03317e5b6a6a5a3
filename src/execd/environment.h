// The environment that commands get: the daemon's base environment, overlaid by the file that EXECD_ENVS
// names (read again for every command, so that an entrypoint or a client may extend it later), overlaid by
// the request.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace osb::execd {

using Environment = std::map<std::string, std::string>;

inline constexpr std::string_view kEnvFileVariable = "EXECD_ENVS";
inline constexpr const char* kDefaultEnvFile = "/opt/opensandbox/.env";

// Removes what belongs to the daemon and must never reach a user program (tokens and the like).
void remove_private_variables(Environment& environment);

// Lines NAME=VALUE; blank lines and # comments are skipped, so are lines that are neither. VALUE is
//   'literal'            as it stands
//   "text"               with \\ \" \n \r \t \$ and $NAME
//   anything else        with $NAME
// $NAME and ${NAME} are looked up in `known`; undefined ones are empty. The last of several equal names wins.
Environment parse_env_file(std::string_view text, const Environment& known);

// The three layers of a command.
Environment command_environment(const Environment& base, const Environment& request);

// A path with $NAME, ${NAME} and a leading ~ expanded. Throws Error(invalid) for a name that is not defined.
std::string expand_path(std::string_view path, const Environment& environment);

std::vector<std::string> to_strings(const Environment& environment);
Environment from_strings(char** environment);
Environment from_strings(const std::vector<std::string>& environment);

}  // namespace osb::execd
