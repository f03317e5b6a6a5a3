// Splits a command line into words the way a POSIX shell quotes, without expanding anything. Needed because
// an entrypoint of one element that contains a space is meant as a command line.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace osb::api {

// nullopt when a quote or backslash is left open.
std::optional<std::vector<std::string>> split_shell_words(std::string_view line);

}  // namespace osb::api
