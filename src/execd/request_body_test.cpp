#include "execd/request_body.h"

#include <gtest/gtest.h>

namespace osb::execd {
namespace {

struct Body {
  std::optional<std::string> command;
  std::optional<int64_t> timeout;
  std::optional<uint32_t> uid;
};
BOOST_DESCRIBE_STRUCT(Body, (), (command, timeout, uid))

std::string refusal(std::string_view body) {
  try {
    read_request<Body>(body);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::invalid);
    EXPECT_EQ(error.wire(), "INVALID_REQUEST_BODY");
    return error.message();
  }
  return "";
}

TEST(RequestBody, IgnoresUnknownMembersCaseAndTrailingBytes) {
  Body body = read_request<Body>(R"({"COMMAND":"a","later":{"x":1},"timeout":null} trailing)");
  EXPECT_EQ(body.command, "a");
  EXPECT_FALSE(body.timeout);
  EXPECT_EQ(read_request<Body>(R"({"Command":"other","command":"exact"})").command, "exact");
}

TEST(RequestBody, RefusesWrongTypesByName) {
  EXPECT_NE(refusal(R"({"command":5})").find("command"), std::string::npos);
  EXPECT_NE(refusal(R"({"timeout":"5"})").find("timeout"), std::string::npos);
  for (const char* body :
       {R"({"timeout":1000.5})", R"({"uid":-1})", R"({"uid":4294967296})", "[]", "5", "{", "", "nope"})
    EXPECT_NE(refusal(body), "") << body;
}

}  // namespace
}  // namespace osb::execd
