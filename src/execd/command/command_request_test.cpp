#include "execd/command/command_request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace osb::execd {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// The message of the refusal; empty if the body is accepted.
std::string command_refusal(std::string_view body) {
  try {
    parse_command_request(body);
    return {};
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::invalid) << body;
    EXPECT_EQ(error.wire(), "INVALID_REQUEST_BODY") << body;
    return error.message();
  }
}

CommandDefaults defaults() {
  CommandDefaults defaults;
  defaults.environment = {{"PATH", "/usr/bin:/bin"}, {"HOME", "/usr"}, {"BASE", "base"}};
  defaults.cwd = "/";
  return defaults;
}

CommandSpec resolve(std::string_view body) {
  return resolve_command(parse_command_request(body), defaults());
}

TEST(CommandRequest, NeedsExactlyOneOfCommandAndArgv) {
  EXPECT_THAT(command_refusal("{}"), HasSubstr("one of command and argv is required"));
  EXPECT_THAT(command_refusal(R"({"command":"","argv":[]})"), HasSubstr("one of"));
  EXPECT_THAT(command_refusal(R"({"command":null})"), HasSubstr("one of"));
  EXPECT_THAT(command_refusal(R"({"command":"a","argv":["b"]})"), HasSubstr("exclude each other"));
  EXPECT_EQ(command_refusal(R"({"command":"a","argv":[]})"), "");
  EXPECT_EQ(command_refusal(R"({"command":"","argv":["b"]})"), "");
}

TEST(CommandRequest, RefusesWhatNoProcessCanHave) {
  EXPECT_THAT(command_refusal(R"({"command":"a\u0000b"})"), HasSubstr("command"));
  EXPECT_THAT(command_refusal(R"({"argv":["a","b\u0000"]})"), HasSubstr("argv"));
  EXPECT_THAT(command_refusal(R"({"argv":["","b"]})"), HasSubstr("argv[0]"));
  EXPECT_THAT(command_refusal(R"({"command":"a","cwd":"/\u0000"})"), HasSubstr("cwd"));
  EXPECT_THAT(command_refusal(R"({"command":"a","envs":{"":"x"}})"), HasSubstr("envs"));
  EXPECT_THAT(command_refusal(R"({"command":"a","envs":{"A=B":"x"}})"), HasSubstr("A=B"));
  EXPECT_THAT(command_refusal(R"({"command":"a","envs":{"A":"\u0000"}})"), HasSubstr("envs.A"));
  EXPECT_EQ(command_refusal(R"({"argv":["a",""],"envs":{"A":""}})"), "");
}

TEST(CommandRequest, NumbersAreWholeAndInRange) {
  for (const char* timeout : {"-1", "1.5", "1000.0", "\"5\"", "true", "9223372036854775808"})
    EXPECT_NE(command_refusal(R"({"command":"a","timeout":)" + std::string(timeout) + "}"), "") << timeout;
  EXPECT_EQ(command_refusal(R"({"command":"a","timeout":null})"), "");
  EXPECT_EQ(command_refusal(R"({"command":"a","timeout":9223372036854775807})"), "");
  for (const char* uid : {"-1", "4294967296", "1.0", "\"0\""})
    EXPECT_NE(command_refusal(R"({"command":"a","uid":)" + std::string(uid) + "}"), "") << uid;
  EXPECT_THAT(command_refusal(R"({"command":"a","gid":1})"), HasSubstr("uid is required"));
}

TEST(CommandRequest, TheIdThatMeansUnchangedWouldKeepRoot) {
  EXPECT_THAT(command_refusal(R"({"command":"a","uid":4294967295})"), HasSubstr("no user"));
  EXPECT_THAT(command_refusal(R"({"command":"a","uid":1,"gid":4294967295})"), HasSubstr("no user or group"));
  EXPECT_EQ(command_refusal(R"({"command":"a","uid":4294967294,"gid":4294967294})"), "");
}

TEST(CommandRequest, IsReadWithTheToleranceOfItsClients) {
  CommandSpec spec = resolve(R"({"COMMAND":"true","Background":true,"later":1} trailing)");
  EXPECT_EQ(spec.content, "true");
  EXPECT_TRUE(spec.background);
}

TEST(CommandRequest, CommandsAreForTheShellAndArgvIsNot) {
  CommandSpec shell = resolve(R"({"command":"echo $HOME","timeout":1500})");
  EXPECT_THAT(shell.child.argv, ElementsAre(::testing::AnyOf("bash", "sh"), "-c", "echo $HOME"));
  EXPECT_EQ(shell.timeout, std::chrono::milliseconds(1500));
  EXPECT_FALSE(shell.background);
  CommandSpec literal = resolve(R"({"argv":["printf","a b","","$HOME"]})");
  EXPECT_EQ(literal.child.program, "printf");
  EXPECT_THAT(literal.child.argv, ElementsAre("printf", "a b", "", "$HOME"));
  EXPECT_EQ(literal.content, "printf a b  $HOME");
}

TEST(CommandRequest, ItsEnvironmentWins) {
  CommandSpec spec = resolve(R"({"command":"x","envs":{"BASE":"mine","NEW":"1","NONE":null}})");
  EXPECT_THAT(spec.child.env, Contains("BASE=mine"));
  EXPECT_THAT(spec.child.env, Contains("NEW=1"));
  EXPECT_THAT(spec.child.env, Contains("HOME=/usr"));
  for (const std::string& entry : spec.child.env) EXPECT_FALSE(entry.starts_with("NONE=")) << entry;
}

TEST(CommandRequest, DirectoriesAreExpandedAndThere) {
  EXPECT_EQ(resolve(R"({"command":"x"})").child.cwd, "/");
  EXPECT_EQ(resolve(R"({"command":"x","cwd":"~/bin"})").child.cwd, "/usr/bin");
  EXPECT_EQ(resolve(R"({"command":"x","cwd":"usr"})").child.cwd, "//usr");
  EXPECT_EQ(resolve(R"({"command":"x","cwd":"${D}/bin","envs":{"D":"/usr"}})").child.cwd, "/usr/bin");
  for (const char* cwd : {"/none", "/etc/passwd", "$NOT_SET_HERE"}) {
    try {
      resolve(R"({"command":"x","cwd":")" + std::string(cwd) + "\"}");
      ADD_FAILURE() << cwd;
    } catch (const Error& error) {
      EXPECT_EQ(error.wire(), "INVALID_REQUEST_BODY") << cwd;
    }
  }
}

TEST(CommandRequest, TheShellIsBashWhereThePathHasIt) {
  std::string dir = std::filesystem::temp_directory_path() / ("osb-shell-" + std::to_string(::getpid()));
  std::filesystem::create_directories(dir);
  std::ofstream(dir + "/bash") << "#!/bin/sh\n";
  EXPECT_NE(find_shell({{"PATH", dir}}), dir + "/bash");  // not executable
  ::chmod((dir + "/bash").c_str(), 0755);
  EXPECT_EQ(find_shell({{"PATH", "relative:/none::" + dir}}), dir + "/bash");
  std::filesystem::remove_all(dir);
  EXPECT_THAT(find_shell({{"PATH", dir}}), ::testing::AnyOf("/bin/bash", "/bin/sh"));
}

}  // namespace
}  // namespace osb::execd
