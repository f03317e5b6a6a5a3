#include "execd/files/text_replacement.h"

#include <gtest/gtest.h>

namespace osb::execd {
namespace {

struct Replaced {
  std::string text;
  uint64_t count = 0;
  bool operator==(const Replaced&) const = default;
};

Replaced replace(std::string_view text, const std::string& from, const std::string& to) {
  Replaced whole;
  for (size_t step = text.size() + 1; step >= 1; --step) {
    Replaced outcome;
    TextReplacement replacement(from, to, [&](std::string_view bytes) { outcome.text += bytes; });
    for (std::string_view rest = text; !rest.empty(); rest.remove_prefix(std::min(step, rest.size())))
      replacement.feed(rest.substr(0, step));
    replacement.finish();
    outcome.count = replacement.count();
    if (step == text.size() + 1) whole = outcome;
    EXPECT_EQ(outcome, whole) << "cut by " << step;
  }
  return whole;
}

TEST(TextReplacement, ReplacesEveryOccurrence) {
  EXPECT_EQ(replace("one two one", "one", "1"), (Replaced{"1 two 1", 2}));
  EXPECT_EQ(replace("one", "one", ""), (Replaced{"", 1}));
  EXPECT_EQ(replace("x", "y", "z"), (Replaced{"x", 0}));
  EXPECT_EQ(replace("", "y", "z"), (Replaced{"", 0}));
  EXPECT_EQ(replace("aXb", "X", "XX"), (Replaced{"aXXb", 1}));  // what was put in is not looked at again
}

TEST(TextReplacement, OccurrencesDoNotOverlap) {
  EXPECT_EQ(replace("aaaaa", "aa", "b"), (Replaced{"bba", 2}));
  EXPECT_EQ(replace("ababab", "abab", "-"), (Replaced{"-ab", 1}));
  EXPECT_EQ(replace("aab", "ab", "-"), (Replaced{"a-", 1}));
  EXPECT_EQ(replace(std::string_view("a\0b\0c", 5), std::string("\0", 1), "--"), (Replaced{"a--b--c", 2}));
}

}  // namespace
}  // namespace osb::execd
