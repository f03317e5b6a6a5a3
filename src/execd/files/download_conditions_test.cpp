#include "execd/files/download_conditions.h"

#include <gtest/gtest.h>

namespace osb::execd {
namespace {

using Verdict = DownloadConditions::Verdict;

const Version kNow{"\"a-1\"", 1795259546};  // 21 Nov 2026 11:12:26
constexpr const char* kDate = "Sat, 21 Nov 2026 11:12:26 GMT";
constexpr const char* kBefore = "Sat, 21 Nov 2026 11:12:25 GMT";

Verdict judge(http::Headers headers) { return DownloadConditions(headers).judge(kNow); }
bool range_counts(const char* value) {
  return DownloadConditions(http::Headers{{"If-Range", value}}).range_counts(kNow);
}

TEST(HttpDate, WritesAndReads) {
  EXPECT_EQ(http_date(kNow.modified), kDate);
  EXPECT_EQ(read_http_date(kDate), kNow.modified);
  EXPECT_EQ(read_http_date("Saturday, 21-Nov-26 11:12:26 GMT"), kNow.modified);
  EXPECT_EQ(read_http_date("Sat Nov 21 11:12:26 2026"), kNow.modified);
  for (const char* bad : {"", "x", "Sat, 21 Nov 2026 11:12:26", "Sat, 21 Nov 2026 11:12:26 GMT x",
                          "1795259546", "Sat, 41 Nov 2026 11:12:26 GMT"})
    EXPECT_EQ(read_http_date(bad), std::nullopt) << bad;
}

TEST(DownloadConditions, Dates) {
  EXPECT_EQ(judge({}), Verdict::serve);
  EXPECT_EQ(judge({{"If-Modified-Since", kDate}}), Verdict::not_modified);
  EXPECT_EQ(judge({{"If-Modified-Since", kBefore}}), Verdict::serve);
  EXPECT_EQ(judge({{"If-Modified-Since", "yesterday"}}), Verdict::serve);
  EXPECT_EQ(judge({{"If-Unmodified-Since", kDate}}), Verdict::serve);
  EXPECT_EQ(judge({{"If-Unmodified-Since", kBefore}}), Verdict::failed);
  EXPECT_EQ(judge({{"If-Unmodified-Since", "x"}}), Verdict::serve);
}

TEST(DownloadConditions, TagsCountMoreThanDates) {
  EXPECT_EQ(judge({{"If-None-Match", "\"b\", W/\"a-1\""}}), Verdict::not_modified);
  EXPECT_EQ(judge({{"If-None-Match", "*"}}), Verdict::not_modified);
  EXPECT_EQ(judge({{"If-None-Match", "\"b\""}, {"If-Modified-Since", kDate}}), Verdict::serve);
  EXPECT_EQ(judge({{"If-Match", "\"b\", \"a-1\""}, {"If-Unmodified-Since", kBefore}}), Verdict::serve);
  EXPECT_EQ(judge({{"If-Match", "W/\"a-1\""}}), Verdict::failed);
  EXPECT_EQ(judge({{"If-Match", "a-1"}}), Verdict::failed);
  EXPECT_EQ(judge({{"If-Match", "*"}}), Verdict::serve);
}

TEST(DownloadConditions, ARangeOfAnotherVersionDoesNotCount) {
  EXPECT_TRUE(DownloadConditions().range_counts(kNow));
  EXPECT_TRUE(range_counts("\"a-1\""));
  EXPECT_TRUE(range_counts(kDate));
  for (const char* other : {"\"a-2\"", "W/\"a-1\"", kBefore, "", "x"})
    EXPECT_FALSE(range_counts(other)) << other;
}

}  // namespace
}  // namespace osb::execd
