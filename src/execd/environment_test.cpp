#include "execd/environment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "base/error.h"

namespace osb::execd {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

const Environment kKnown = {{"HOME", "/root"}, {"PATH", "/bin"}, {"X", "1"}};

Environment parse(std::string_view text) { return parse_env_file(text, kKnown); }

TEST(EnvFile, ReadsNamesAndValues) {
  EXPECT_THAT(parse("A=1\n\n# no=1\n  B = two words \nC=\nnonsense\n=x\nA=2\nbad name=1"),
              ElementsAre(Pair("A", "2"), Pair("B", "two words"), Pair("C", "")));
  EXPECT_THAT(parse("export A=1\r\n"), ElementsAre(Pair("A", "1")));
}

TEST(EnvFile, SubstitutesFromTheDaemonsEnvironment) {
  EXPECT_THAT(parse("P=$PATH:/opt/bin\nQ=${X}2$NONE.\nR=$ $5 ${"),
              ElementsAre(Pair("P", "/bin:/opt/bin"), Pair("Q", "12."), Pair("R", "$ $5 ${")));
}

TEST(EnvFile, SingleQuotesAreLiteral) {
  EXPECT_THAT(parse("A='$X \\n \"y\"'\nB=''\nC='a'b'\nD='"),
              ElementsAre(Pair("A", "$X \\n \"y\""), Pair("B", ""), Pair("C", "'a'b'"), Pair("D", "'")));
}

TEST(EnvFile, DoubleQuotesTakeEscapesAndReferences) {
  EXPECT_THAT(parse(R"(A="it's \"q\" \\ \n\r\t \$X $X \z")"),
              ElementsAre(Pair("A", "it's \"q\" \\ \n\r\t $X 1 \\z")));
  EXPECT_THAT(parse("A=\"\"\nB=\"open\nC=\"a\" b"),
              ElementsAre(Pair("A", ""), Pair("B", "\"open"), Pair("C", "\"a\" b")));
}

class EnvFileOnDisk : public ::testing::Test {
 protected:
  EnvFileOnDisk() : path_("/tmp/execd_env_test." + std::to_string(::getpid())) {}
  ~EnvFileOnDisk() override { ::unlink(path_.c_str()); }
  std::string path_;
};

TEST_F(EnvFileOnDisk, LiesBetweenBaseAndRequest) {
  std::ofstream(path_) << "A=file\nB=file\n";
  Environment base = {{"EXECD_ENVS", path_}, {"A", "base"}, {"B", "base"}, {"C", "base"}};
  EXPECT_THAT(
      command_environment(base, {{"B", "request"}}),
      ElementsAre(Pair("A", "file"), Pair("B", "request"), Pair("C", "base"), Pair("EXECD_ENVS", path_)));
}

TEST_F(EnvFileOnDisk, AFifoInItsPlaceDoesNotBlock) {
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  EXPECT_EQ(command_environment({{"EXECD_ENVS", path_}}, {}).size(), 1u);
}

TEST(Environment, LosesTheDaemonsSecrets) {
  Environment environment = {
      {"EXECD_ACCESS_TOKEN", "t"}, {"JUPYTER_TOKEN", "t"}, {"EXECD_RUNTIME_INIT", "1"}, {"A", "1"}};
  remove_private_variables(environment);
  EXPECT_THAT(environment, ElementsAre(Pair("A", "1")));
}

TEST(ExpandPath, KnowsVariablesAndHome) {
  EXPECT_EQ(expand_path("~", kKnown), "/root");
  EXPECT_EQ(expand_path("~/x$X/${X}", kKnown), "/root/x1/1");
  EXPECT_EQ(expand_path("/a/~b", kKnown), "/a/~b");
  EXPECT_THROW(expand_path("/a/$NONE", kKnown), Error);
  EXPECT_THROW(expand_path("~", {}), Error);
}

}  // namespace
}  // namespace osb::execd
