#include "http/message.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "http/server.h"
#include "http/status.h"

namespace osb::http {
namespace {

TEST(Headers, LookUpIgnoresCase) {
  Headers headers{{"Set-Cookie", "a"}, {"set-cookie", "b"}, {"Connection", "keep-alive, Upgrade"}};
  EXPECT_EQ(headers.get("SET-COOKIE"), "a");
  EXPECT_TRUE(headers.has_token("connection", "upgrade"));
  EXPECT_FALSE(headers.has_token("connection", "upgrad"));
  headers.set("Set-cookie", "c");
  EXPECT_EQ(headers.size(), 2u);
  headers.remove("CONNECTION");
  EXPECT_FALSE(headers.has("connection"));
}

TEST(Percent, DecodesAndRefuses) {
  EXPECT_EQ(percent_decode("a%2Fb%20c+d"), "a/b c+d");
  EXPECT_EQ(percent_decode("a+b", true), "a b");
  for (const char* bad : {"%", "%2", "%zz", "%0g", "%00", "a%"})
    EXPECT_EQ(percent_decode(bad), std::nullopt) << bad;
}

TEST(Percent, RoundTrips) {
  std::string all;
  for (int i = 1; i < 256; i++) all += static_cast<char>(i);
  EXPECT_EQ(percent_decode(percent_encode(all)), all);
  EXPECT_EQ(percent_encode("/a b", "/"), "/a%20b");
}

TEST(Query, KeepsOrderAndRepeats) {
  Query query("a=1&b=x%20y+z&a=2&flag&=v&&c=%zz");
  EXPECT_EQ(query.find("a"), "1");
  EXPECT_THAT(query.all("a"), testing::ElementsAre("1", "2"));
  EXPECT_EQ(query.find("b"), "x y z");
  EXPECT_EQ(query.find("flag"), "");
  EXPECT_EQ(query.find("c"), "%zz");
  EXPECT_EQ(query.find("nope"), std::nullopt);
}

TEST(Status, WireCodesComeFirst) {
  EXPECT_EQ(status_of(Error(ErrorCode::unavailable, "m")), 503);
  EXPECT_EQ(status_of(Error(ErrorCode::unavailable, "m", "BACKEND_CONNECTION_FAILED")), 502);
  EXPECT_EQ(status_of(Error(ErrorCode::timeout, "m", "BACKEND_TIMEOUT")), 504);
  EXPECT_EQ(status_of(Error(ErrorCode::timeout, "m", "REQUEST_TIMEOUT")), 408);
  Response response = error_response(Error(ErrorCode::not_found, "no \"x\""));
  EXPECT_EQ(response.status, 404);
  EXPECT_EQ(response.body, R"({"code":"NOT_FOUND","message":"no \"x\""})");
}

}  // namespace
}  // namespace osb::http
