#include "execd/output_allowance.h"

#include <gtest/gtest.h>

namespace osb::execd {
namespace {

TEST(OutputAllowance, WithoutALimitEverythingPasses) {
  OutputAllowance allowance;
  EXPECT_EQ(allowance.take(std::string(1 << 20, 'x')).text.size(), 1u << 20);
  EXPECT_FALSE(allowance.take("y").first_cut);
}

TEST(OutputAllowance, WhatIsBeyondIsLeftOutAndToldOnce) {
  OutputAllowance allowance(5);
  EXPECT_EQ(allowance.take("abc").text, "abc");
  OutputAllowance::Passed cut = allowance.take("defg");
  EXPECT_EQ(cut.text, "de");
  EXPECT_TRUE(cut.first_cut);
  EXPECT_EQ(allowance.notice(), "[output of more than 5 bytes is left out]\n");
  cut = allowance.take("h");
  EXPECT_EQ(cut.text, "");
  EXPECT_FALSE(cut.first_cut);
}

TEST(OutputAllowance, ExactlyAsMuchIsNotTooMuch) {
  OutputAllowance allowance(3);
  EXPECT_FALSE(allowance.take("abc").first_cut);
  EXPECT_TRUE(allowance.take("d").first_cut);
}

TEST(OutputAllowance, CharactersStayWhole) {
  OutputAllowance allowance(4);
  EXPECT_EQ(allowance.take("ab\xe2\x82\xac").text, "ab");
}

TEST(CompleteUtf8, CutsOnlyUnfinishedCharacters) {
  EXPECT_EQ(complete_utf8(""), 0u);
  EXPECT_EQ(complete_utf8("abc"), 3u);
  EXPECT_EQ(complete_utf8("a\xc3"), 1u);
  EXPECT_EQ(complete_utf8("a\xc3\xa4"), 3u);
  EXPECT_EQ(complete_utf8("a\xe2\x82"), 1u);
  EXPECT_EQ(complete_utf8("a\xe2\x82\xac"), 4u);
  EXPECT_EQ(complete_utf8("\xf0\x9f\x98"), 0u);
  EXPECT_EQ(complete_utf8("\xf0\x9f\x98\x80"), 4u);
  // Bytes that no character begins or goes on with are not waited for.
  EXPECT_EQ(complete_utf8("a\xff"), 2u);
  EXPECT_EQ(complete_utf8("a\xc0"), 2u);
  EXPECT_EQ(complete_utf8("\x80\x80\x80\x80"), 4u);
}

}  // namespace
}  // namespace osb::execd
