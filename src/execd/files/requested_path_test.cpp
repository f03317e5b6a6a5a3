#include "execd/files/requested_path.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"

namespace osb::execd {
namespace {

PathRules rules() {
  return PathRules("/work/dir", {{"HOME", "/home/me"}, {"A", "one"}, {"A_2", "two"}, {"EMPTY", ""}});
}

std::string wire_of(std::string_view path) {
  try {
    rules().resolve(path);
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::invalid);
    return e.wire();
  }
  return "";
}

TEST(PathRules, MakesAbsoluteAndClean) {
  EXPECT_EQ(rules().resolve("/a/./b//../c/"), "/a/c");
  EXPECT_EQ(rules().resolve("x/../y"), "/work/dir/y");
  EXPECT_EQ(rules().resolve("."), "/work/dir");
  EXPECT_EQ(rules().resolve("../../../../etc/passwd"), "/etc/passwd");
  EXPECT_EQ(rules().resolve("/../.."), "/");
}

TEST(PathRules, ExpandsHomeAndVariables) {
  EXPECT_EQ(rules().resolve("~"), "/home/me");
  EXPECT_EQ(rules().resolve("~/a"), "/home/me/a");
  EXPECT_EQ(rules().resolve("~user/a"), "/work/dir/~user/a");
  EXPECT_EQ(rules().resolve("./~"), "/work/dir/~");
  EXPECT_EQ(rules().resolve("/$A/${A}x/$A_2"), "/one/onex/two");
  EXPECT_EQ(rules().resolve("/a$EMPTY/b"), "/a/b");
}

TEST(PathRules, OtherDollarsAreLiteral) {
  EXPECT_EQ(rules().resolve("/a$/b$1/$"), "/a$/b$1/$");
  EXPECT_EQ(rules().resolve("/${A"), "/${A");
  EXPECT_EQ(rules().resolve("/${}"), "/${}");
}

TEST(PathRules, RefusesUnsetNamesUnlessSuchAFileExists) {
  EXPECT_EQ(wire_of("/tmp/$NOT_SET_HERE"), "INVALID_REQUEST_BODY");
  std::string literal = testing::TempDir() + "cost$IN_EUR";
  Fd file(::open(literal.c_str(), O_CREAT | O_WRONLY, 0600));
  ASSERT_TRUE(file);
  EXPECT_EQ(rules().resolve(literal), literal);
  ::unlink(literal.c_str());
  EXPECT_THROW(PathRules("/", {}).resolve("~/x"), Error);
}

TEST(PathRules, RefusesWhatTheKernelCannotTake) {
  EXPECT_EQ(wire_of(""), "INVALID_REQUEST_BODY");
  EXPECT_EQ(wire_of(std::string("/a\0b", 4)), "INVALID_REQUEST_BODY");
  EXPECT_EQ(wire_of(std::string(5000, 'a')), "INVALID_REQUEST_BODY");
  EXPECT_EQ(wire_of(std::string(4090, 'a')), "INVALID_REQUEST_BODY");  // too long once it is absolute
}

}  // namespace
}  // namespace osb::execd
