#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/ids.h"
#include "base/json.h"

namespace osb {
namespace {

struct Image {
  json::Required<std::string> uri;
};
BOOST_DESCRIBE_STRUCT(Image, (), (uri))
struct Sample {
  std::optional<Image> image;
  std::vector<std::string> args;
  std::map<std::string, std::string> env;
  int timeout = 7;
  bool background = false;
};
BOOST_DESCRIBE_STRUCT(Sample, (), (image, args, env, timeout, background))

std::string error_of(std::string_view text) {
  try {
    json::read<Sample>(json::parse(text));
  } catch (const Error& e) {
    return e.message();
  }
  return "";
}

TEST(Json, ReadsWithDefaultsAndIgnoresUnknownMembers) {
  auto s = json::read<Sample>(json::parse(R"({"later":1,"args":["a"],"env":{"A":"1"},"image":null})"));
  EXPECT_EQ(s.timeout, 7);
  EXPECT_EQ(s.args, std::vector<std::string>{"a"});
  EXPECT_EQ(s.env.at("A"), "1");
  EXPECT_FALSE(s.image);
}

TEST(Json, ErrorsNameThePath) {
  EXPECT_EQ(error_of(R"({"image":{}})"), "image.uri: required");
  EXPECT_EQ(error_of(R"({"args":["a",2]})"), "args[1]: expected a string");
  EXPECT_EQ(error_of(R"({"timeout":1.5})"), "timeout: expected an integer");
  EXPECT_EQ(error_of(R"({"timeout":99999999999})"),
            "timeout: expected an integer from -2147483648 to 2147483647");
  EXPECT_THAT(error_of("{"), testing::HasSubstr("reading JSON"));
  EXPECT_THAT(error_of("{} x"), testing::HasSubstr("something follows"));
}

TEST(Json, RefusesDeepNesting) { EXPECT_NE(error_of(std::string(10000, '[')), ""); }

TEST(Json, WritesWithoutEmptyOptionals) {
  Sample s;
  s.args = {"x"};
  EXPECT_EQ(json::serialize(json::write(s)), R"({"args":["x"],"env":{},"timeout":7,"background":false})");
  EXPECT_EQ(json::serialize(json::Value(4.0)), "4");
  EXPECT_EQ(json::serialize(json::Value(0.5)), "0.5");
}

TEST(Clock, RoundTrips) {
  auto t = parse_time("2025-01-02T03:04:05.123456Z");
  ASSERT_TRUE(t);
  EXPECT_EQ(rfc3339_micros(*t), "2025-01-02T03:04:05.123456Z");
  EXPECT_EQ(rfc3339_nanos(*t), "2025-01-02T03:04:05.123456Z");
  EXPECT_EQ(rfc3339_micros(*parse_time("2025-01-02")), "2025-01-02T00:00:00Z");
  EXPECT_EQ(*parse_time("2025-01-02T05:04:05.123456+02:00"), *t);
  EXPECT_EQ(*parse_time("2025-01-02 03:04:05,123456"), *t);
  EXPECT_EQ(rfc3339_micros(*parse_time("1735787045")), "2025-01-02T03:04:05Z");
  EXPECT_EQ(rfc3339_micros(*parse_time("1735787045000")), "2025-01-02T03:04:05Z");
}

TEST(Clock, RefusesWhatIsNoTime) {
  for (auto* text : {"soon", "", "-", "2025-13-01", "2025-02-30", "2025-01-02T25:00:00Z",
                     "2025-01-02T03:04:05Zx", "99999999999999999999", "2025-01-02T03:04:05+9"})
    EXPECT_FALSE(parse_time(text)) << text;
}

TEST(Ids, LookAsClientsExpect) {
  EXPECT_THAT(new_uuid(),
              testing::MatchesRegex("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"));
  EXPECT_THAT(new_hex_id(), testing::MatchesRegex("[0-9a-f]{32}"));
  EXPECT_THAT(new_token(), testing::MatchesRegex("[-_0-9A-Za-z]{32}"));
  EXPECT_NE(new_token(), new_token());
}

TEST(Ids, ConstantTimeCompareIsExact) {
  EXPECT_TRUE(equal_in_constant_time("abc", "abc"));
  EXPECT_FALSE(equal_in_constant_time("abc", "abd"));
  EXPECT_FALSE(equal_in_constant_time("abc", "abcabc"));
  EXPECT_FALSE(equal_in_constant_time("abcabc", "abc"));
  EXPECT_FALSE(equal_in_constant_time("abc", ""));
  EXPECT_TRUE(equal_in_constant_time("", ""));
}

TEST(ErrorText, NamesTheErrno) {
  EXPECT_EQ(system_error("opening /x", ENOENT).message(), "opening /x: No such file or directory (ENOENT)");
  EXPECT_EQ(system_error("x", ENOENT).code(), ErrorCode::not_found);
}

}  // namespace
}  // namespace osb
