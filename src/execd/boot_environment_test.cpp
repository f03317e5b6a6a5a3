#include "execd/boot_environment.h"

#include <gtest/gtest.h>

namespace osb::execd {
namespace {

TEST(BootEnvironment, SaysHowMuchAJournalKeeps) {
  auto bytes = [](Environment environment) { return execution_limits(environment).journal_bytes; };
  EXPECT_EQ(bytes({}), Journal::kKeptBytes);
  EXPECT_EQ(bytes({{"EXECD_JOURNAL_BYTES", "1000000"}}), 1'000'000u);
  EXPECT_EQ(bytes({{"EXECD_JOURNAL_BYTES", "1"}}), 64u * 1024);
  EXPECT_EQ(bytes({{"EXECD_JOURNAL_BYTES", "8M"}}), Journal::kKeptBytes);
  EXPECT_EQ(bytes({{"EXECD_JOURNAL_BYTES", "-1"}}), Journal::kKeptBytes);
  ExecutionLimits limits = execution_limits({{"EXECD_JOURNAL_BYTES", "99999999999"}});
  EXPECT_EQ(limits.journal_bytes, 1024u * 1024 * 1024);
  EXPECT_GE(limits.bytes, limits.journal_bytes);  // one of them fits
}

}  // namespace
}  // namespace osb::execd
