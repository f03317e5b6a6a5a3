// Completion of command lines. The shells' scripts are short: they ask `osb __complete` at each press of the
// key, which reads the tree (and asks the server only for ids of sandboxes), so they never grow stale.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "osb/tree.h"

namespace osb::cli {

struct Candidate {
  std::string word;
  std::string help;  // may be empty
};

struct Completion {
  std::vector<Candidate> candidates;
  bool files = false;  // names of files of this machine fit too
};

// Ids of sandboxes; must not throw.
using SandboxIds = std::function<std::vector<Candidate>()>;

// What may stand in place of the last of `words`, which may be empty; `words` are without the program's name.
Completion complete(const Command& root, const std::vector<std::string>& words, const SandboxIds& sandboxes);

// The script for "bash", "zsh" or "fish".
std::string_view completion_script(std::string_view shell);

}  // namespace osb::cli
