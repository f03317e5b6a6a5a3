#include "execd/line_splitter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace osb::execd {
namespace {

using ::testing::ElementsAre;
using Terminators = LineSplitter::Terminators;

struct Lines {
  explicit Lines(Terminators terminators)
      : splitter(terminators, [this](std::string_view text, bool partial) {
          texts.emplace_back(text);
          partials.push_back(partial);
        }) {}
  std::vector<std::string> texts;
  std::vector<bool> partials;
  LineSplitter splitter;
};

std::vector<std::string> split(Terminators terminators, std::vector<std::string_view> reads) {
  Lines lines(terminators);
  for (std::string_view read : reads) lines.splitter.feed(read);
  lines.splitter.finish();
  return lines.texts;
}
std::vector<std::string> keep(std::vector<std::string_view> reads) {
  return split(Terminators::keep, std::move(reads));
}
std::vector<std::string> strip(std::vector<std::string_view> reads) {
  return split(Terminators::strip, std::move(reads));
}

TEST(LineSplitter, KeepsTerminators) {
  EXPECT_THAT(keep({"one\n\nthree\n"}), ElementsAre("one\n", "\n", "three\n"));
  EXPECT_THAT(keep({"a\rb\tc\n"}), ElementsAre("a\r", "b\tc\n"));
  EXPECT_THAT(keep({"a\r\nb\r\n"}), ElementsAre("a\r\n", "b\r\n"));
}

TEST(LineSplitter, StripsTerminatorsForOldClients) {
  EXPECT_THAT(strip({"one\n\nthree\n"}), ElementsAre("one", "\n", "three"));
  EXPECT_THAT(strip({"a\rb\tc\n"}), ElementsAre("a", "b\tc"));
  EXPECT_THAT(strip({"a\r\n\r\nb\r\n"}), ElementsAre("a", "\n", "b"));
}

TEST(LineSplitter, RestWithoutNewlineComesAtTheEnd) {
  EXPECT_THAT(keep({"ab", "c"}), ElementsAre("abc"));
  EXPECT_THAT(strip({"abc"}), ElementsAre("abc"));
  EXPECT_THAT(keep({}), ElementsAre());
  EXPECT_THAT(keep({"a\r"}), ElementsAre("a\r"));
}

TEST(LineSplitter, LineOverSeveralReads) {
  EXPECT_THAT(keep({"a", "b", "c\nd", "\n"}), ElementsAre("abc\n", "d\n"));
}

TEST(LineSplitter, CrlfAcrossReads) {
  EXPECT_THAT(keep({"a\r", "\nb\r", "c"}), ElementsAre("a\r\n", "b\r", "c"));
  EXPECT_THAT(strip({"a\r", "\nb\r", "\r", "\nc"}), ElementsAre("a", "b", "\n", "c"));
}

TEST(LineSplitter, PauseHandsOutALoneCarriageReturn) {
  for (Terminators terminators : {Terminators::keep, Terminators::strip}) {
    Lines lines(terminators);
    lines.splitter.feed("50%\r");
    EXPECT_TRUE(lines.texts.empty());
    lines.splitter.pause();
    EXPECT_EQ(lines.texts.size(), 1u);
    lines.splitter.feed("\nx\n");
    if (terminators == Terminators::keep)
      EXPECT_THAT(lines.texts, ElementsAre("50%\r", "\n", "x\n"));
    else
      EXPECT_THAT(lines.texts, ElementsAre("50%", "x"));
  }
  Lines lines(Terminators::keep);
  lines.splitter.feed("part");
  lines.splitter.pause();  // no terminator: waits on
  EXPECT_TRUE(lines.texts.empty());
}

TEST(LineSplitter, KeepsNulAndInvalidUtf8) {
  std::string bytes("\0\xff\xfe\n", 4);
  EXPECT_THAT(keep({bytes}), ElementsAre(bytes));
}

TEST(LineSplitter, LongLinesComeInPieces) {
  std::string big(200000, 'x');
  auto texts = keep({big + "\n", "after\n"});
  ASSERT_EQ(texts.size(), 5u);
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(texts[i].size(), LineSplitter::kPieceBytes);
  EXPECT_EQ(texts[0] + texts[1] + texts[2] + texts[3], big + "\n");
  EXPECT_EQ(texts[4], "after\n");
}

TEST(LineSplitter, OnlyStrippedPiecesAreMarked) {
  std::string line(2 * LineSplitter::kPieceBytes + 5, 'x');
  for (Terminators terminators : {Terminators::keep, Terminators::strip}) {
    Lines lines(terminators);
    lines.splitter.feed(line + "\nshort\n");
    lines.splitter.finish();
    bool strip = terminators == Terminators::strip;
    EXPECT_THAT(lines.partials, ElementsAre(strip, strip, false, false));
    EXPECT_EQ(lines.texts[2], strip ? "xxxxx" : "xxxxx\n");
  }
}

TEST(LineSplitter, ALineOfExactlyOnePieceIsNotFollowedByAnEmptyLine) {
  std::string big(LineSplitter::kPieceBytes, 'x');
  EXPECT_THAT(strip({big + "\ny\n"}), ElementsAre(big, "y"));
  std::string bigger = big + big;
  EXPECT_THAT(strip({bigger + "\ny\n"}), ElementsAre(big, big, "y"));
}

TEST(LineSplitter, PiecesDoNotCutCharacters) {
  for (std::string_view character : {"\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80"}) {
    for (size_t shift = 0; shift < 4; ++shift) {
      std::string text(shift, '.');
      while (text.size() < 3 * LineSplitter::kPieceBytes) text += character;
      std::string joined;
      for (const std::string& piece : keep({text})) {
        EXPECT_NE(static_cast<unsigned char>(piece[0]) & 0xc0, 0x80);
        EXPECT_LE(piece.size(), LineSplitter::kPieceBytes);
        joined += piece;
      }
      EXPECT_EQ(joined, text);
    }
  }
}

// Whatever the bytes and wherever the reads end, the texts put together are the output.
TEST(LineSplitter, LosesNothing) {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    Lines lines(Terminators::keep);
    std::string all;
    for (int read = 0; read < 30; ++read) {
      std::string bytes(random() % (round % 50 == 0 ? 50000 : 12), '\0');
      for (char& c : bytes) c = "ab\r\n\xe2\x82\xac"[random() % (round % 10 == 1 ? 2 : 7)];
      all += bytes;
      lines.splitter.feed(bytes);
      if (random() % 4 == 0) lines.splitter.pause();
    }
    lines.splitter.finish();
    std::string joined;
    for (const std::string& text : lines.texts) {
      EXPECT_FALSE(text.empty());
      EXPECT_LE(text.size(), LineSplitter::kPieceBytes + 2);
      joined += text;
    }
    EXPECT_EQ(joined, all);
  }
}

}  // namespace
}  // namespace osb::execd
