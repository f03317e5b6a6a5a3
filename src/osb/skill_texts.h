// Guides that tell a coding agent which osb commands to use; `osb skills` installs them.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace osb::cli {

struct Skill {
  std::string_view name;
  std::string_view summary;  // when an agent should read it
  std::string_view text;     // Markdown
};

std::span<const Skill> skills();
// The one of that name, or null.
const Skill* find_skill(std::string_view name);

// A file of its own: front matter with name and summary, then the text.
std::string skill_file(const Skill& skill);
// `text` with the skill as a marked block: in place of an older one, else at its end.
std::string with_skill_block(const std::string& text, const Skill& skill);
// `text` without the block; the same text if it has none.
std::string without_skill_block(const std::string& text, std::string_view name);

}  // namespace osb::cli
