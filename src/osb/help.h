// Help texts out of the tree, at most 80 columns wide.
#pragma once

#include <string>
#include <string_view>

#include "osb/command_line.h"
#include "osb/tree.h"

namespace osb::cli {

// Everything that --help prints for the command of `line`.
std::string help_text(const CommandLine& line);
// "osb sandbox kill [OPTIONS] SANDBOX..."
std::string usage_line(const CommandLine& line);
std::string usage_line(const Command& command, const std::string& path);
// "-i, --image IMAGE"
std::string option_label(const Option& option);
// The child whose name is at most two slips of the keyboard away, or empty.
std::string nearest_child(const Command& group, std::string_view word);
// Words put into lines of at most `width` columns, each with `indent` spaces in front of it but the first.
std::string wrapped(std::string_view text, size_t indent, size_t width = 80);

}  // namespace osb::cli
