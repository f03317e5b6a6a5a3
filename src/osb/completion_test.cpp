// Completion and the manual page, which are read from the tree.
#include "osb/completion.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "osb/man_page.h"

namespace osb::cli {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

std::vector<std::string> words_for(std::vector<std::string> words) {
  std::vector<std::string> out;
  auto sandboxes = [] { return std::vector<Candidate>{{"box-1", "Running"}, {"box-2", ""}}; };
  for (const Candidate& each : complete(kRoot, words, sandboxes).candidates) out.push_back(each.word);
  return out;
}

bool files_for(std::vector<std::string> words) {
  return complete(kRoot, words, [] { return std::vector<Candidate>{}; }).files;
}

TEST(Completion, KnowsCommands) {
  EXPECT_THAT(words_for({"sandb"}), ElementsAre("sandbox"));
  EXPECT_THAT(words_for({"sandbox", "re"}), ElementsAre("resume", "renew"));
  EXPECT_THAT(words_for({"--domain", "x", "sandbox", "kil"}), ElementsAre("kill"));
  EXPECT_THAT(words_for({""}), Not(Contains("__complete")));
  EXPECT_THAT(words_for({"no-such-command", ""}), IsEmpty());
}

TEST(Completion, KnowsOptionsAndTheirValues) {
  EXPECT_THAT(words_for({"sandbox", "create", "--ima"}),
              ElementsAre("--image", "--image-auth-username", "--image-auth-password"));
  EXPECT_THAT(words_for({"sandbox", "get", "--dom"}), ElementsAre("--domain"));
  EXPECT_THAT(words_for({"sandbox", "get", "x", "-o", ""}), ElementsAre("table", "json", "yaml"));
  EXPECT_THAT(words_for({"sandbox", "get", "--protocol", "https"}), ElementsAre("https"));
  EXPECT_TRUE(files_for({"sandbox", "create", "--file", ""}));
  EXPECT_THAT(words_for({"completion", ""}), ElementsAre("bash", "zsh", "fish"));
  EXPECT_THAT(words_for({"completion", "f"}), ElementsAre("fish"));
}

TEST(Completion, KnowsSandboxes) {
  EXPECT_THAT(words_for({"sandbox", "get", "box"}), ElementsAre("box-1", "box-2"));
  EXPECT_THAT(words_for({"sandbox", "get", "-o", "json", "box-2"}), ElementsAre("box-2"));
  EXPECT_THAT(words_for({"sandbox", "kill", "box-1", ""}), ElementsAre("box-1", "box-2"));
  EXPECT_THAT(words_for({"sandbox", "get", "box-1", ""}), IsEmpty());
}

TEST(Completion, LeavesRemoteCommandsAlone) {
  EXPECT_TRUE(files_for({"exec", "box", "--", "--"}));
  EXPECT_THAT(words_for({"exec", "box", "--", "--"}), IsEmpty());
}

TEST(Completion, HasAScriptForEachShell) {
  for (const char* shell : {"bash", "zsh", "fish"})
    EXPECT_THAT(std::string(completion_script(shell)), HasSubstr("__complete"));
}

TEST(ManPage, HasEveryCommandAndEveryOption) {
  std::string page = man_page(kRoot, "1.2");
  walk(kRoot, "osb", [&](const Command& command, const std::string& path) {
    if (!command.run) return;
    std::string heading = ".SS ";
    for (char c : path + " ") heading += c == '-' ? std::string("\\-") : std::string(1, c);
    EXPECT_THAT(page, HasSubstr(heading)) << path;
  });
  EXPECT_THAT(page, HasSubstr("\\-\\-image\\-auth\\-username"));
  EXPECT_THAT(page, Not(HasSubstr("__complete")));
}

}  // namespace
}  // namespace osb::cli
