// From words to values. The command is found by the tree; only its own flags and the global ones are handed
// to the parser, so a long tree costs nothing.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "osb/tree.h"

namespace osb::cli {

struct CommandLine {
  const Command* command = &kRoot;
  std::string path = "osb";                                              // "osb sandbox create"
  std::map<std::string, std::vector<std::string>, std::less<>> options;  // by key; flags hold one empty text
  std::map<std::string, std::vector<std::string>, std::less<>> arguments;
  std::vector<std::string> rest;  // a remote command

  bool has(std::string_view key) const { return options.contains(key); }
  std::optional<std::string> option(std::string_view key) const;  // the last one given
};

// `words` without the program's name. Throws UsageProblem that says what is wrong and how it is done. With
// --help or --version on the line nothing else is checked.
CommandLine parse_command_line(const Command& root, std::vector<std::string> words);

}  // namespace osb::cli
