#include "osb/code_run.h"

#include <gtest/gtest.h>

namespace osb::cli {
namespace {

TEST(GoesOn, KnowsBlocks) {
  EXPECT_FALSE(goes_on("1 + 1\n", "python"));
  EXPECT_TRUE(goes_on("for i in range(3):\n", "python"));
  EXPECT_TRUE(goes_on("for i in range(3):\n  print(i)\n", "python"));
  EXPECT_TRUE(goes_on("f(1,\n", "python"));
  EXPECT_FALSE(goes_on("print(')')\n", "python"));
  EXPECT_FALSE(goes_on("print('(') # (\n", "python"));
  EXPECT_TRUE(goes_on("a = \\\n", "python"));
  EXPECT_TRUE(goes_on("@decorated\n", "python"));
  EXPECT_TRUE(goes_on("function f() {\n", "javascript"));
  EXPECT_FALSE(goes_on("function f() {\n return 1 }\n", "javascript"));
  EXPECT_FALSE(goes_on("let a = {b: 1}\n", "javascript"));
}

}  // namespace
}  // namespace osb::cli
