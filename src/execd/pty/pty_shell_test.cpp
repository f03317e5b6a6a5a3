// A shell as its client has it: a terminal, or three pipes.
#include "execd/pty/pty_world_for_tests.h"

namespace osb::execd {
namespace {

using namespace test;

// --- A terminal ---

TEST_F(PtyTest, EchoesAndEndsWithTheExitCode) {
  std::string id = create();
  Client client = attach(id);
  EXPECT_EQ(client.texts[0],
            R"({"type":"connected","session_id":")" + id + R"(","mode":"pty","role":"holder"})");
  client.type("echo one-$((1+1))\n");
  EXPECT_TRUE(client.until_out("one-2"));
  EXPECT_EQ(status(id).at("running").as_bool(), true);
  client.text(R"({"type":"stdin","data":"exit 3\n"})");
  client.until_over();
  EXPECT_EQ(client.texts.back(), R"({"type":"exit","exit_code":3})");
  EXPECT_EQ(client.close_code(), 1000);
  EXPECT_EQ(client.close->payload, "process exited");
  EXPECT_EQ(client.kinds, "t1t");
  json::Value after = status(id);
  EXPECT_EQ(after.at("running").as_bool(), false);
  EXPECT_EQ(after.at("exit_code").as_int64(), 3);
  EXPECT_EQ(after.at("output_offset").as_int64(), static_cast<int64_t>(client.out.size()));
}

TEST_F(PtyTest, TheNextClientGetsANewShellInTheSameSession) {
  std::string id = create_for("echo life; exit 4");
  Client first = attach(id);
  first.until_over();
  Client second = attach(id, "?since=2");
  second.until_over();
  EXPECT_EQ(second.replayed, "fe\r\n");
  EXPECT_EQ(second.out, "life\r\n");
  EXPECT_EQ(second.kinds, "3t1t");
  EXPECT_EQ(status(id).at("output_offset").as_int64(), 12);
}

TEST_F(PtyTest, ResizeIsSeenByPrograms) {
  Client client = attach(create());
  client.type("stty size\n");
  EXPECT_TRUE(client.until_out("24 80"));
  client.text(R"({"type":"resize","cols":0,"rows":9})");
  client.text(R"({"type":"resize","cols":132,"rows":43})");
  client.type("stty size\n");
  EXPECT_TRUE(client.until_out("43 132"));
  client.type("(trap 'echo changed-$((6*7))' WINCH; echo set-$((1+1)); while :; do sleep 0.01; done)\n");
  ASSERT_TRUE(client.until_out("set-2"));
  client.text(R"({"type":"resize","cols":90,"rows":20})");
  EXPECT_TRUE(client.until_out("changed-42"));
}

TEST_F(PtyTest, ControlCInterruptsTheForeground) {
  Client client = attach(create());
  client.type("echo begin-$((0+1)); sleep 1000; echo code-$?\n");
  ASSERT_TRUE(client.until_out("begin-1"));
  wait(milliseconds(50));
  client.type("\x03");
  client.type("echo next-$((1+1))\n");
  EXPECT_TRUE(client.until_out("next-2"));
  // An end of input that comes before the prompt is lost where bash changes the terminal's mode.
  EXPECT_TRUE(
      client.until([&] { return client.out.find("$ ", client.out.find("next-2")) != std::string::npos; }));
  client.type("\x04");
  client.until_over();
  EXPECT_THAT(client.texts.back(), HasSubstr(R"("type":"exit")"));
}

// The job has a group of its own: only the terminal knows which.
TEST_F(PtyTest, SignalsReachTheForegroundJob) {
  Client client = attach(create());
  client.type("(trap 'echo got-$((3+4)); exit' TERM; echo ready-$((1+1)); while :; do sleep 0.01; done)\n");
  ASSERT_TRUE(client.until_out("ready-2"));
  client.text(R"({"type":"signal","signal":"SIGTERM"})");
  EXPECT_TRUE(client.until_out("got-7"));
  client.text(R"({"type":"signal","signal":"SIGSTOP"})");  // not offered
  client.text(R"({"type":"signal","signal":"SIGKILL"})");
  client.until_over();
  EXPECT_EQ(client.texts.back(), R"({"type":"exit","exit_code":-1})");
}

TEST_F(PtyTest, EnvironmentOfTheShell) {
  std::ofstream(base_ + ".env") << "ADDED='by file'\n";
  EXPECT_EQ(run("echo $TERM $ADDED $0; echo ${EXECD_ACCESS_TOKEN-none}; tty > /dev/null && echo tty").out,
            "xterm-256color by file bash\r\nnone\r\ntty\r\n");
  options_.commands.environment["TERM"] = "dumb";
  start();
  EXPECT_EQ(run("echo $TERM").out, "dumb\r\n");
}

TEST_F(PtyTest, AnswersPingsAndRefusesUnknownFrames) {
  Client client = attach(create());
  client.text(R"({"type":"ping"})");
  EXPECT_TRUE(client.until_text("pong"));
  EXPECT_EQ(client.texts.back(), R"({"type":"pong"})");
  client.text("{not json");
  client.text(R"({"type":7})");
  client.send(Opcode::binary, "");
  client.send(Opcode::binary, "\x07hello");
  client.text(R"({"type":"dance"})");
  EXPECT_TRUE(client.until_text("error"));
  EXPECT_EQ(client.texts.back(),
            R"({"type":"error","error":"unknown frame type \"dance\"","code":"INVALID_FRAME"})");
  client.type("echo on-$((1+1))\n");
  EXPECT_TRUE(client.until_out("on-2"));
}

TEST_F(PtyTest, BrokenFramesCostTheConnectionAndNotTheShell) {
  std::string id = create();
  Client first = attach(id);
  first.type("X=kept\n");
  const std::pair<std::string, int> cases[] = {
      {"\x82\xff\x00\x00\x00\x7f\xff\xff\xff\xff____"s, 1009},
      {"\x82\x03\0ab"s, 1002},
      {"\xf2\x83____abc"s, 1002},
      {"\x81\x81\0\0\0\0\xff"s, 1007},
  };
  Client client = std::move(first);
  for (const auto& [wire, code] : cases) {
    loop_.run_until_done(client.peer->send_bytes(wire));
    client.until_over();
    EXPECT_EQ(client.close_code(), code);
    ASSERT_TRUE(wait_until([&] { return handshake(request_for(id))->upgraded; }));
    client = attach(id, "?takeover=1");
  }
  client.type("echo $X-$((1+1))\n");
  EXPECT_TRUE(client.until_out("kept-2"));
}

// --- Pipes ---

TEST_F(PtyTest, PipesKeepTheStreamsApart) {
  Client client = attach(create_for("echo out; echo err >&2; cat; exit 5"), "?pty=0");
  EXPECT_THAT(client.texts[0], HasSubstr(R"("mode":"pipe")"));
  client.text(R"({"type":"resize","cols":9,"rows":9})");
  client.type("typed\n");
  ASSERT_TRUE(client.until_out("typed\n"));
  client.text(R"({"type":"eof"})");
  client.text(R"({"type":"stdin","data":"late"})");
  client.until_over();
  EXPECT_EQ(client.out, "out\ntyped\n");
  EXPECT_EQ(client.err, "err\n");
  EXPECT_EQ(client.texts.back(), R"({"type":"exit","exit_code":5})");
}

TEST_F(PtyTest, InputBehindItsEndIsRefused) {
  Client client = attach(create_for("cat; sleep 1000"), "?pty=0");
  client.text(R"({"type":"eof"})");
  client.type("x");
  EXPECT_TRUE(client.until_text("STDIN_CLOSED"));
  client.text(R"({"type":"signal","signal":"SIGTERM"})");
  client.until_over();
  EXPECT_EQ(client.texts.back(), R"({"type":"exit","exit_code":-1})");
}

TEST_F(PtyTest, InputThatNobodyCanReadEndsTheConnection) {
  std::string id = create_for("exec <&-; echo closed; sleep 1000");
  Client client = attach(id, "?pty=0");
  ASSERT_TRUE(client.until_out("closed"));
  client.type("x");
  client.until_over();
  EXPECT_THAT(client.texts.back(), HasSubstr("STDIN_WRITE_FAILED"));
  EXPECT_EQ(status(id).at("running").as_bool(), true);
}

TEST_F(PtyTest, AShellOnPipesReadsItsCommands) {
  Client client = attach(create(), "?pty=0");
  client.type("echo from-$((1+1))\necho bad >&2\n");
  EXPECT_TRUE(client.until_out("from-2\n"));
  EXPECT_TRUE(client.until([&] { return client.err == "bad\n"; }));
  client.text(R"({"type":"eof"})");
  client.until_over();
  EXPECT_EQ(client.out, "from-2\n");
  EXPECT_EQ(client.texts.back(), R"({"type":"exit","exit_code":0})");
}

}  // namespace
}  // namespace osb::execd
