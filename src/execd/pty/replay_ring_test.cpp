#include "execd/pty/replay_ring.h"

#include <gtest/gtest.h>

namespace osb::execd {
namespace {

TEST(ReplayRing, KeepsTheNewestBytes) {
  ReplayRing ring(10);
  EXPECT_EQ(ring.first(), 0U);
  EXPECT_EQ(ring.read(0, 100), "");
  ring.append("0123456");
  EXPECT_EQ(ring.read(0, 100), "0123456");
  EXPECT_EQ(ring.read(2, 3), "234");
  ring.append("789abc");
  EXPECT_EQ(ring.first(), 3U);
  EXPECT_EQ(ring.end(), 13U);
  EXPECT_EQ(ring.read(3, 100), "3456789abc");
  EXPECT_EQ(ring.read(13, 100), "");
  ring.append("");
  EXPECT_EQ(ring.end(), 13U);
}

TEST(ReplayRing, TakesMoreThanItKeeps) {
  ReplayRing ring(4);
  ring.append("ab");
  ring.append("0123456789");
  EXPECT_EQ(ring.first(), 8U);
  EXPECT_EQ(ring.end(), 12U);
  EXPECT_EQ(ring.read(8, 100), "6789");
}

// Against the plain text, over every growth and turn.
TEST(ReplayRing, EveryOffsetGivesTheSameBytes) {
  for (size_t capacity : {1, 7, 4096, 4097, 20000}) {
    ReplayRing ring(capacity);
    std::string all;
    for (size_t i = 0; all.size() < 60000; i++) {
      std::string piece;
      for (size_t j = 0; j < i * 37 % 901; j++) piece += static_cast<char>(all.size() + j * j);
      ring.append(piece);
      all += piece;
      ASSERT_EQ(ring.end(), all.size());
      ASSERT_EQ(ring.first(), all.size() - std::min(capacity, all.size()));
      ASSERT_EQ(ring.read(ring.first(), SIZE_MAX), all.substr(ring.first()));
    }
    for (uint64_t offset = ring.first(); offset <= ring.end(); offset++)
      ASSERT_EQ(ring.read(offset, 5), all.substr(offset, 5));
  }
}

}  // namespace
}  // namespace osb::execd
