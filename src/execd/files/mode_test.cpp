#include "execd/files/mode.h"

#include <gtest/gtest.h>

namespace osb::execd {
namespace {

TEST(Mode, ReadsDigitsAsOctal) {
  EXPECT_EQ(mode_from_digits(0), 0u);
  EXPECT_EQ(mode_from_digits(7), 07u);
  EXPECT_EQ(mode_from_digits(644), 0644u);
  EXPECT_EQ(mode_from_digits(755), 0755u);
  EXPECT_EQ(mode_from_digits(420), 0420u);  // 0o644 as a Python int: taken as it is written
  EXPECT_EQ(mode_from_digits(4755), 04755u);
  EXPECT_EQ(mode_from_digits(7777), 07777u);
}

TEST(Mode, RefusesWhatIsNotAMode) {
  for (int64_t bad : {int64_t{8}, int64_t{649}, int64_t{493}, int64_t{7778}, int64_t{10000}, int64_t{-1},
                      int64_t{-644}, INT64_MAX, INT64_MIN})
    EXPECT_FALSE(mode_from_digits(bad)) << bad;
}

TEST(Mode, WritesPermissionBitsOnly) {
  EXPECT_EQ(digits_from_mode(0100644), 644);
  EXPECT_EQ(digits_from_mode(0104755), 755);
  EXPECT_EQ(digits_from_mode(041777), 777);
  EXPECT_EQ(digits_from_mode(0100000), 0);
  EXPECT_EQ(digits_from_mode(0100007), 7);
}

}  // namespace
}  // namespace osb::execd
