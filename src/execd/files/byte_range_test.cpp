#include "execd/files/byte_range.h"

#include <gtest/gtest.h>

#include <string>

namespace osb::execd {
namespace {

std::string of(std::string_view header, uint64_t size = 11) {
  ByteRange range;
  switch (read_range(header, size, range)) {
    case RangeKind::malformed:
      return "malformed";
    case RangeKind::unsatisfiable:
      return "unsatisfiable";
    case RangeKind::slice:
      break;
  }
  return std::to_string(range.begin) + "+" + std::to_string(range.length);
}

TEST(ByteRange, Slices) {
  EXPECT_EQ(of("bytes=2-4"), "2+3");
  EXPECT_EQ(of("bytes=0-0"), "0+1");
  EXPECT_EQ(of("bytes=6-"), "6+5");
  EXPECT_EQ(of("bytes=-3"), "8+3");
  EXPECT_EQ(of("bytes=-100"), "0+11");
  EXPECT_EQ(of("bytes=5-100"), "5+6");
  EXPECT_EQ(of("bytes=5-9223372036854775807"), "5+6");
  EXPECT_EQ(of("bytes= 2 - 4 "), "2+3");
}

TEST(ByteRange, FirstThatOverlapsOfSeveral) {
  EXPECT_EQ(of("bytes=0-1,4-5"), "0+2");
  EXPECT_EQ(of("bytes=50-60, 4-5"), "4+2");
  EXPECT_EQ(of("bytes=,4-5,"), "4+2");
}

TEST(ByteRange, Unsatisfiable) {
  EXPECT_EQ(of("bytes=50-60"), "unsatisfiable");
  EXPECT_EQ(of("bytes=11-"), "unsatisfiable");
  EXPECT_EQ(of("bytes=-0"), "unsatisfiable");
  EXPECT_EQ(of("bytes=0-0", 0), "unsatisfiable");
  EXPECT_EQ(of("bytes=-5", 0), "unsatisfiable");
}

TEST(ByteRange, Malformed) {
  for (std::string_view bad :
       {"", "bytes", "bytes=", "bytes=,", "bytes=x", "bytes=4", "bytes=4-2", "bytes=a-b", "bytes=1-2,x",
        "bytes=--1", "bytes=1--2", "bytes=-", "items=0-1", "0-1", "bytes=0x1-2", "bytes=+1-2",
        "bytes=9223372036854775808-", "bytes=0-99999999999999999999"})
    EXPECT_EQ(of(bad), "malformed") << bad;
}

}  // namespace
}  // namespace osb::execd
