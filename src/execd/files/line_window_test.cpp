#include "execd/files/line_window.h"

#include <gtest/gtest.h>

#include <string>

namespace osb::execd {
namespace {

std::string lines(std::string_view text, uint64_t offset, uint64_t limit) {
  std::string first;
  for (size_t step = 1; step <= text.size() + 1; ++step) {
    LineWindow window(offset, limit);
    bool more = true;
    for (std::string_view rest = text; more && !rest.empty(); rest.remove_prefix(std::min(step, rest.size())))
      more = window.feed(rest.substr(0, step));
    if (more) window.finish();
    std::string got(text.substr(window.begin(), window.length()));
    if (step == 1) first = got;
    EXPECT_EQ(got, first) << "cut by " << step;
  }
  return first;
}

TEST(LineWindow, SelectsLines) {
  constexpr std::string_view kText = "one\ntwo\nthree\nfour\n";
  EXPECT_EQ(lines(kText, 1, 1), "one");
  EXPECT_EQ(lines(kText, 2, 2), "two\nthree");
  EXPECT_EQ(lines(kText, 3, 0), "three\nfour");
  EXPECT_EQ(lines(kText, 1, 0), "one\ntwo\nthree\nfour");
  EXPECT_EQ(lines(kText, 4, 1), "four");
  EXPECT_EQ(lines(kText, 4, 100), "four");
  EXPECT_EQ(lines(kText, 1, UINT64_MAX), "one\ntwo\nthree\nfour");
}

TEST(LineWindow, BeyondTheEndIsEmpty) {
  EXPECT_EQ(lines("one\ntwo\n", 3, 1), "");
  EXPECT_EQ(lines("one\ntwo\n", 4, 0), "");
  EXPECT_EQ(lines("one\ntwo", 3, 0), "");
  EXPECT_EQ(lines("", 1, 0), "");
  EXPECT_EQ(lines("", 5, 5), "");
}

TEST(LineWindow, EmptyLinesAndMissingEnds) {
  EXPECT_EQ(lines("\n\nx\n\n", 1, 0), "\n\nx\n");
  EXPECT_EQ(lines("\n\nx\n\n", 2, 1), "");
  EXPECT_EQ(lines("\n\nx\n\n", 2, 2), "\nx");
  EXPECT_EQ(lines("\n\nx\n\n", 4, 1), "");
  EXPECT_EQ(lines("a\nb", 2, 1), "b");
  EXPECT_EQ(lines("a\nb", 2, 0), "b");
  EXPECT_EQ(lines("\n", 1, 0), "");
  EXPECT_EQ(lines("a\r\nb\r\n", 1, 1), "a\r");
}

}  // namespace
}  // namespace osb::execd
