#include "osb/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "osb/problem.h"

namespace osb::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

CommandLine parse(std::vector<std::string> words) { return parse_command_line(kRoot, std::move(words)); }

std::string problem_of(std::vector<std::string> words) {
  try {
    parse(std::move(words));
  } catch (const UsageProblem& problem) {
    return problem.message + " / " + problem.advice;
  }
  return "none";
}

TEST(CommandLine, FindsACommandAndItsValues) {
  CommandLine line =
      parse({"sandbox", "create", "-i", "host", "--env", "A=1", "-e", "B=-2", "--entrypoint", "-c"});
  EXPECT_EQ(line.path, "osb sandbox create");
  EXPECT_EQ(line.option("image"), "host");
  EXPECT_THAT(line.options["env"], ElementsAre("A=1", "B=-2"));
  EXPECT_THAT(line.options["entrypoint"], ElementsAre("-c"));
}

TEST(CommandLine, GlobalOptionsMayStandAnywhere) {
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"--domain", "a:1", "sandbox", "get", "x"},
        {"sandbox", "--domain=a:1", "get", "x"},
        {"sandbox", "get", "--domain", "a:1", "x"},
        {"sandbox", "get", "x", "--domain", "a:1"}}) {
    CommandLine line = parse(words);
    EXPECT_EQ(line.option("domain"), "a:1");
    EXPECT_THAT(line.arguments["SANDBOX"], ElementsAre("x"));
  }
}

TEST(CommandLine, TheLastOfAnOptionCounts) {
  EXPECT_EQ(parse({"sandbox", "create", "-i", "a", "--image", "b"}).option("image"), "b");
}

TEST(CommandLine, ARemoteCommandKeepsItsFlags) {
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"exec", "-w", "/tmp", "box", "ls", "-la", "--color", "-w"},
        {"exec", "-w", "/tmp", "box", "--", "ls", "-la", "--color", "-w"},
        {"exec", "-w/tmp", "box", "ls", "-la", "--color", "-w"},
        {"exec", "--workdir=/tmp", "box", "ls", "-la", "--color", "-w"},
        {"exec", "box", "-w", "/tmp", "--", "ls", "-la", "--color", "-w"}}) {
    CommandLine line = parse(words);
    EXPECT_THAT(line.arguments["SANDBOX"], ElementsAre("box"));
    EXPECT_EQ(line.option("workdir"), "/tmp");
    EXPECT_THAT(line.rest, ElementsAre("ls", "-la", "--color", "-w"));
  }
}

TEST(CommandLine, TheOutputFlagTakesItsValueBeforeARemoteCommand) {
  CommandLine line = parse({"command", "run", "box", "-d", "-o", "raw", "ls", "-o"});
  EXPECT_EQ(line.option("output"), "raw");
  EXPECT_THAT(line.rest, ElementsAre("ls", "-o"));
  EXPECT_THAT(parse({"command", "run", "box", "-dw", "/tmp", "ls"}).rest, ElementsAre("ls"));
}

TEST(CommandLine, ARemoteCommandMayHoldDashesItself) {
  EXPECT_THAT(parse({"exec", "box", "--", "a", "--", "b"}).rest, ElementsAre("a", "--", "b"));
  EXPECT_THAT(parse({"exec", "box", "--", "--help"}).rest, ElementsAre("--help"));
  EXPECT_FALSE(parse({"exec", "box", "--", "--help"}).has("help"));
  EXPECT_FALSE(parse({"exec", "box", "ls", "--version"}).has("version"));
}

TEST(CommandLine, SaysWhatIsMissing) {
  EXPECT_THAT(problem_of({"sandbox", "get"}), HasSubstr("SANDBOX is missing"));
  EXPECT_THAT(problem_of({"exec", "box"}), HasSubstr("COMMAND is missing"));
  EXPECT_THAT(problem_of({"sandbox", "kill"}), HasSubstr("SANDBOX is missing"));
}

TEST(CommandLine, SaysWhatIsWrong) {
  EXPECT_THAT(problem_of({"sandbx", "get"}), HasSubstr("\"sandbx\" is no command of osb / osb sandbox"));
  EXPECT_THAT(problem_of({"sandbox", "get", "x", "--frobnicate"}), HasSubstr("--frobnicate"));
  EXPECT_THAT(problem_of({"--frobnicate"}), HasSubstr("--frobnicate"));
  EXPECT_THAT(problem_of({"exec", "box", "--frobnicate", "ls"}),
              HasSubstr("not expected here: --frobnicate"));
  EXPECT_THAT(problem_of({"sandbox", "get", "x", "y"}), HasSubstr("y"));
  EXPECT_THAT(problem_of({"sandbox", "get", "x", "-o", "xml"}), HasSubstr("none of table|json|yaml"));
  EXPECT_THAT(problem_of({"sandbox", "create", "--image"}), HasSubstr("--image"));
}

TEST(CommandLine, HelpWorksWithoutTheRest) {
  EXPECT_TRUE(parse({"sandbox", "get", "--help"}).has("help"));
  EXPECT_TRUE(parse({"exec", "-h"}).has("help"));
  EXPECT_EQ(parse({"sandbox", "-h"}).path, "osb sandbox");
  EXPECT_TRUE(parse({"--version"}).has("version"));
}

TEST(CommandLine, AGroupAloneIsNoError) {
  EXPECT_EQ(parse({"sandbox"}).command->run, nullptr);
  EXPECT_EQ(parse({}).command, &kRoot);
}

}  // namespace
}  // namespace osb::cli
