#include "execd/pty/pty_frame.h"

#include <gtest/gtest.h>
#include <signal.h>

namespace osb::execd {
namespace {

using namespace std::string_literals;

std::optional<ClientFrame> text(std::string payload) {
  return parse_client_frame({http::Opcode::text, std::move(payload), {}});
}
std::optional<ClientFrame> binary(std::string payload) {
  return parse_client_frame({http::Opcode::binary, std::move(payload), {}});
}

TEST(PtyFrame, WritesFramesByteByByte) {
  EXPECT_EQ(output_frame(Output::out, "ab"),
            "\x01"
            "ab");
  EXPECT_EQ(output_frame(Output::err, ""), "\x02");
  EXPECT_EQ(replay_frame(0x0102030405060708, "x"), "\x03\x01\x02\x03\x04\x05\x06\x07\x08x");
  EXPECT_EQ(connected_frame("id", PtyMode::pty, PtyRole::holder),
            R"({"type":"connected","session_id":"id","mode":"pty","role":"holder"})");
  EXPECT_EQ(connected_frame("id", PtyMode::pipe, PtyRole::viewer),
            R"({"type":"connected","session_id":"id","mode":"pipe","role":"viewer"})");
  EXPECT_EQ(pong_frame(), R"({"type":"pong"})");
  EXPECT_EQ(exit_frame(-1), R"({"type":"exit","exit_code":-1})");
  EXPECT_EQ(error_frame("a \"b\"", "C"), R"({"type":"error","error":"a \"b\"","code":"C"})");
}

TEST(PtyFrame, ReadsInput) {
  EXPECT_EQ(binary("\0ls\n"s)->data, "ls\n");
  EXPECT_EQ(binary("\0"s)->data, "");
  EXPECT_EQ(text(R"({"type":"stdin","data":"é\u0003"})")->data, "é\x03");
  EXPECT_FALSE(binary(""));
  EXPECT_FALSE(binary("\x01x"));
}

TEST(PtyFrame, ReadsTextFrames) {
  auto size = text(R"({"type":"resize","cols":120,"rows":40})");
  ASSERT_TRUE(size && size->kind == ClientFrame::Kind::resize);
  EXPECT_EQ(size->size.columns, 120);
  EXPECT_EQ(size->size.rows, 40);
  auto kill = text(R"({"Type":"signal","signal":"SIGQUIT","more":[]})");
  ASSERT_TRUE(kill && kill->kind == ClientFrame::Kind::signal);
  EXPECT_EQ(kill->signal, SIGQUIT);
  EXPECT_EQ(text(R"({"type":"ping"})")->kind, ClientFrame::Kind::ping);
  EXPECT_EQ(text(R"({"type":"eof"})")->kind, ClientFrame::Kind::end_of_input);
  EXPECT_EQ(text(R"({"type":"x"})")->kind, ClientFrame::Kind::unknown);
  EXPECT_EQ(text(R"({"type":"x"})")->data, "x");
  EXPECT_EQ(text(R"({})")->kind, ClientFrame::Kind::unknown);
}

TEST(PtyFrame, PassesOverWhatMeansNothing) {
  for (const char* payload :
       {"", "{", "[]", "no", R"({"type":5})", R"({"type":"resize","cols":0,"rows":5})",
        R"({"type":"resize","cols":80})", R"({"type":"resize","cols":-1,"rows":5})",
        R"({"type":"resize","cols":65536,"rows":5})", R"({"type":"resize","cols":"80","rows":5})",
        R"({"type":"resize","cols":1e99,"rows":5})", R"({"type":"signal","signal":"SIGSTOP"})",
        R"({"type":"signal"})"})
    EXPECT_FALSE(text(payload)) << payload;
}

}  // namespace
}  // namespace osb::execd
