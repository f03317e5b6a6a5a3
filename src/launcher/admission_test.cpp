#include "launcher/admission.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace osb::launcher {
namespace {

TEST(Admission, ReadsWhatTheMachineHas) {
  EXPECT_EQ(available_memory("MemTotal:  100 kB\nMemFree: 1 kB\nMemAvailable:     2048 kB\n"), 2048 * 1024);
  EXPECT_EQ(available_memory("MemTotal:  100 kB\n"), std::nullopt);
}

TEST(Admission, SaysWhichBoundIsReached) {
  EXPECT_NO_THROW(admit({kMinAvailable, 0}, 0));
  EXPECT_NO_THROW(admit({std::nullopt, std::nullopt}, 1));
  EXPECT_NO_THROW(admit({kMinAvailable, 99}, 100));
  EXPECT_THROW(admit({kMinAvailable - 1, 0}, 0), Error);
  try {
    admit({kMinAvailable, 100 << 20}, 100 << 20);
    FAIL() << "the ceiling is reached";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::exhausted);
    EXPECT_NE(e.message().find("100 MiB are allowed"), std::string::npos) << e.message();
  }
}

}  // namespace
}  // namespace osb::launcher
