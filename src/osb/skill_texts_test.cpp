#include "osb/skill_texts.h"

#include <gtest/gtest.h>

#include <regex>

#include "osb/tree.h"

namespace osb::cli {
namespace {

TEST(Skills, BlocksComeAndGo) {
  const Skill &one = skills()[0], &two = skills()[1];
  std::string mine = "# Mine\n", both = with_skill_block(with_skill_block(mine, one), two);
  EXPECT_EQ(with_skill_block(both, two), both);
  EXPECT_EQ(with_skill_block(both, one), both);
  EXPECT_EQ(without_skill_block(without_skill_block(both, one.name), two.name), mine);
  EXPECT_EQ(without_skill_block(mine, one.name), mine);
  std::string alone = with_skill_block(with_skill_block("", one), two);
  EXPECT_EQ(without_skill_block(without_skill_block(alone, one.name), two.name), "");
}

// A guide that names a command which is not there would mislead its reader.
TEST(Skills, NameOnlyCommandsThatAreThere) {
  for (const Skill& skill : skills()) {
    std::string text(skill.text);
    std::regex pattern("`osb ([a-z-]+)(?: ([a-z-]+))?(?: ([a-z-]+))?");
    for (auto at = std::sregex_iterator(text.begin(), text.end(), pattern); at != std::sregex_iterator();
         ++at) {
      const Command* command = &kRoot;
      for (int i = 1; i <= 3 && !command->run && (*at)[i].matched; ++i) {
        command = find_child(*command, (*at)[i].str());
        ASSERT_NE(command, nullptr) << skill.name << ": " << at->str();
      }
    }
  }
}

}  // namespace
}  // namespace osb::cli
