#include "execd/code/jupyter/jupyter_message.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/digest.h"
#include "base/error.h"

namespace osb::execd {
namespace {

using ::testing::HasSubstr;

std::vector<std::string> signed_frames(std::string_view key, std::string content,
                                       std::string header = R"({"msg_id":"m","msg_type":"stream"})",
                                       std::string parent = R"({"msg_id":"p"})") {
  std::string_view parts[] = {header, parent, "{}", content};
  std::string signature = hmac_sha256_hex(key, parts);
  return {"topic", "<IDS|MSG>", signature, header, parent, "{}", content};
}

ErrorCode failure(const std::vector<std::string>& frames) {
  try {
    JupyterSession("key").decode(frames);
  } catch (const Error& error) {
    return error.code();
  }
  return ErrorCode::internal;
}

TEST(JupyterMessage, ReadsWhatItWrites) {
  JupyterSession session("key");
  json::Object content;
  content["code"] = "1 + 1";
  auto frames = session.encode("execute_request", content, "id7", "before");
  ASSERT_EQ(frames.size(), 6u);
  JupyterMessage message = session.decode(frames);
  EXPECT_EQ(message.type, "execute_request");
  EXPECT_EQ(message.id, "id7");
  EXPECT_EQ(message.parent, "before");
  EXPECT_EQ(message.content, content);
  json::Value header = json::parse(frames[2]);
  EXPECT_EQ(header.at("version"), "5.3");
  for (const char* member : {"session", "username", "date"})
    EXPECT_FALSE(header.at(member).as_string().empty());
  EXPECT_EQ(json::serialize(json::parse(session.encode("x", {}, "y")[3])), "{}");
}

TEST(JupyterMessage, ReadsIdentitiesAndIgnoresBuffers) {
  auto frames = signed_frames("key", R"({"name":"stdout","text":"hé"})");
  frames.insert(frames.begin(), "another");
  frames.emplace_back(100, '\xff');
  JupyterMessage message = JupyterSession("key").decode(frames);
  EXPECT_EQ(message.type, "stream");
  EXPECT_EQ(message.parent, "p");
  EXPECT_EQ(message.content.at("text"), "hé");
}

TEST(JupyterMessage, NobodyCanForgeOrChangeOne) {
  EXPECT_EQ(failure(signed_frames("another key", "{}")), ErrorCode::unauthorized);
  auto frames = signed_frames("key", R"({"text":"a"})");
  EXPECT_EQ(failure(frames), ErrorCode::internal);  // it is good
  for (size_t part = 2; part < frames.size(); ++part) {
    auto changed = frames;
    changed[part].back() = ' ';
    EXPECT_EQ(failure(changed), ErrorCode::unauthorized) << part;
  }
  frames[2].clear();
  EXPECT_EQ(failure(frames), ErrorCode::unauthorized);
}

TEST(JupyterMessage, RefusesWhatIsNone) {
  EXPECT_EQ(failure({}), ErrorCode::invalid);
  EXPECT_EQ(failure({"a", "b", "c", "d", "e", "f"}), ErrorCode::invalid);
  EXPECT_EQ(failure({"<IDS|MSG>", "a", "b", "c", "d"}), ErrorCode::invalid);
  EXPECT_EQ(failure(signed_frames("key", "{}", "nonsense")), ErrorCode::invalid);
  EXPECT_EQ(failure(signed_frames("key", "{}", "[]")), ErrorCode::invalid);
  EXPECT_EQ(failure(signed_frames("key", "{}", "{}")), ErrorCode::invalid);
}

// A text of users must not end the context.
TEST(JupyterMessage, ContentMayBeBad) {
  JupyterSession session("key");
  EXPECT_THAT(session.decode(signed_frames("key", "{")).unreadable, HasSubstr("reading JSON"));
  EXPECT_THAT(session.decode(signed_frames("key", std::string(100, '['))).unreadable, HasSubstr("JSON"));
  JupyterMessage loose =
      session.decode(signed_frames("key", "{\"text\":\"a\xff\xc3(\xe2\x82\xac\xf0\x9f\"}"));
  EXPECT_EQ(loose.content.at("text"), "a\xef\xbf\xbd\xef\xbf\xbd(\xe2\x82\xac\xef\xbf\xbd\xef\xbf\xbd");
  EXPECT_EQ(session.decode(signed_frames("key", "{}", R"({"msg_id":1,"msg_type":"x"})", "null")).parent, "");
}

}  // namespace
}  // namespace osb::execd
