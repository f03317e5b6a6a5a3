// What a session is beyond its shell: replay, several clients, slow readers, ends.
#include "execd/descendants.h"
#include "execd/pty/pty_world_for_tests.h"

namespace osb::execd {
namespace {

using namespace test;

// --- Replay ---

TEST_F(PtyTest, EveryOffsetReplaysTheSameBytes) {
  std::string id = create_for("i=0; while [ $i -lt 40 ]; do echo line $i; i=$((i+1)); done");
  Client whole = attach(id);
  whole.until_over();
  ASSERT_GT(whole.out.size(), 300U);
  for (size_t since = 0; since <= whole.out.size() + 2; since++) {
    Client viewer = attach(id, "?mode=viewer&since=" + std::to_string(since));
    viewer.until_over();
    ASSERT_EQ(viewer.replayed, since < whole.out.size() ? whole.out.substr(since) : "") << since;
    if (since < whole.out.size())
      ASSERT_THAT(viewer.replays, ElementsAre(std::pair(since, viewer.replayed.size())));
    ASSERT_EQ(viewer.texts.back(), R"({"type":"exit","exit_code":0})");
  }
  for (const char* since : {"-5", "x", "1x", "99999999999999999999"})
    EXPECT_EQ(attach(id, "?mode=viewer&since="s + since).replayed, whole.out) << since;
}

// Clients that come and go while it prints have together what one would have had. Each asks for 200 lines and
// leaves before it has them all.
TEST_F(PtyTest, LiveOutputContinuesWhereTheLastClientWas) {
  std::string id = create_for(
      "stty -echo; echo ready; i=0; while [ $i -lt 2000 ]; do"
      " [ $((i % 200)) = 0 ] && read go; echo $i; i=$((i+1)); done; sleep 0.1; exit 9");
  std::string expected = "ready\r\n", seen;
  for (int i = 0; i < 2000; i++) expected += std::to_string(i) + "\r\n";
  Client first = attach(id);
  ASSERT_TRUE(first.until_out("ready\r\n"));
  seen = first.replayed + first.out;
  first.leave();
  int clients = 0;
  for (bool over = false; !over && clients < 1000; clients++) {
    Client client = attach(id, "?takeover=1&since=" + std::to_string(seen.size()));
    if (!client.replays.empty()) EXPECT_EQ(client.replays[0].first, seen.size());
    client.type("\n");
    client.until([&] { return client.out.size() > 300; });
    seen += client.replayed + client.out;
    over = client.over;
    if (over) EXPECT_EQ(client.texts.back(), R"({"type":"exit","exit_code":9})");
    if (!over) client.leave();
  }
  EXPECT_EQ(seen, expected);
  EXPECT_GE(clients, 5);
}

TEST_F(PtyTest, TheReplayIsBoundedAndSaysWhereItBegins) {
  options_.pty.replay_bytes = 5000;
  start();
  std::string id = create_for("head -c 20000 /dev/zero | tr '\\0' x; printf end");
  Client whole = attach(id);
  whole.until_over();
  EXPECT_EQ(whole.out.size(), 20003U);  // the holder itself misses nothing
  Client viewer = attach(id, "?mode=viewer&since=7");
  EXPECT_THAT(viewer.replays, ElementsAre(std::pair(uint64_t{15003}, size_t{5000})));
  EXPECT_EQ(viewer.replayed, whole.out.substr(15003));
}

TEST_F(PtyTest, AShellGoesOnWithoutItsClient) {
  std::string id = create_for("read line; echo got $line; read more; echo never");
  Client client = attach(id, "?pty=0");
  client.type("this\n");
  ASSERT_TRUE(client.until_out("got this"));
  client.leave();
  EXPECT_TRUE(wait_until([&] { return handshake(request_for(id))->upgraded; }));
  EXPECT_EQ(status(id).at("running").as_bool(), true);
  std::string exits = create_for("sleep 0.2; echo later; exit 6");
  attach(exits).leave();
  ASSERT_TRUE(wait_until([&] { return status(exits).as_object().contains("exit_code"); }));
  EXPECT_EQ(status(exits).at("exit_code").as_int64(), 6);
  EXPECT_EQ(attach(exits, "?mode=viewer").replayed, "later\r\n");
}

// --- Several clients ---

TEST_F(PtyTest, TakeoverEvictsTheHolderAndKeepsTheShell) {
  std::string id = create();
  Client first = attach(id);
  first.type("X=mine\n");
  ASSERT_TRUE(first.until_out("mine"));
  Client second = attach(id, "?takeover=1&since=999999");
  first.type("X=stolen\n");  // nobody listens to it any more
  first.until_over();
  EXPECT_EQ(first.close_code(), 4001);
  EXPECT_EQ(first.close->payload, "TAKEN_OVER");
  second.type("echo $X-$((1+1))\n");
  EXPECT_TRUE(second.until_out("mine-2"));
  EXPECT_THAT(refused(request_for(id)), StartsWith("HTTP/1.1 409 "));
}

TEST_F(PtyTest, AStalledHolderIsEvictedAtOnce) {
  std::string id = create_for("yes");
  Client stalled = attach(id);
  wait(milliseconds(200));  // every buffer is full now
  Client second = attach(id, "?takeover=1");
  EXPECT_TRUE(second.until([&] { return second.out.size() > 100000; }));
}

TEST_F(PtyTest, ViewersSeeAndCannotTouch) {
  std::string id = create();
  Client holder = attach(id);
  holder.type("echo one-$((1+1))\n");
  ASSERT_TRUE(holder.until_out("one-2"));
  Client viewer = attach(id, "?mode=viewer&since=0");
  EXPECT_EQ(viewer.texts[0],
            R"({"type":"connected","session_id":")" + id + R"(","mode":"pty","role":"viewer"})");
  holder.type("echo two-$((1+1))\n");
  ASSERT_TRUE(viewer.until([&] { return viewer.replayed.find("two-2") != std::string::npos; }));
  EXPECT_EQ(viewer.out, "");
  uint64_t next = 0;
  for (auto [offset, length] : viewer.replays) {
    EXPECT_EQ(offset, next);
    next = offset + length;
  }
  viewer.text(R"({"type":"ping"})");
  EXPECT_TRUE(viewer.until_text("pong"));
  viewer.type("echo evil\n");
  for (const char* frame : {R"({"type":"stdin","data":"evil\n"})", R"({"type":"resize","cols":9,"rows":9})",
                            R"({"type":"signal","signal":"SIGKILL"})", R"({"type":"eof"})"})
    viewer.text(frame);
  viewer.until_over();
  EXPECT_EQ(viewer.texts.size(), 7U);
  EXPECT_THAT(viewer.texts.back(), HasSubstr(R"("code":"READ_ONLY"})"));
  EXPECT_EQ(viewer.close_code(), 1008);
  holder.type("echo three-$((1+1)); stty size\n");
  EXPECT_TRUE(holder.until_out("24 80"));
  EXPECT_THAT(holder.out, Not(HasSubstr("evil")));
}

TEST_F(PtyTest, AViewerMayComeBeforeTheShellAndStartsNone) {
  std::string id = create_for("echo hello");
  Client viewer = attach(id, "?mode=viewer");
  wait(milliseconds(50));
  EXPECT_EQ(status(id).at("running").as_bool(), false);
  Client holder = attach(id);
  holder.until_over();
  viewer.until_over();
  EXPECT_EQ(viewer.replayed, "hello\r\n");
  EXPECT_EQ(viewer.close_code(), 1000);
  Client waiting = attach(create(), "?mode=viewer");
  std::string session(json::parse(waiting.texts[0]).at("session_id").as_string());
  EXPECT_EQ(call("DELETE", "/pty/" + session).status, 200);
  waiting.until_over();
  EXPECT_EQ(waiting.close->payload, "session deleted");
}

TEST_F(PtyTest, ViewersAreBounded) {
  std::string id = create();
  std::vector<Client> viewers;
  for (size_t i = 0; i < options_.pty.viewers; i++) viewers.push_back(attach(id, "?mode=viewer"));
  EXPECT_THAT(refused(request_for(id, "?mode=viewer")), StartsWith("HTTP/1.1 429 "));
  viewers.back().leave();
  EXPECT_TRUE(wait_until([&] { return handshake(request_for(id, "?mode=viewer"))->upgraded; }));
}

TEST_F(PtyTest, ASlowViewerIsOvertakenAndHoldsNobody) {
  std::string id = create_for("head -c 20000000 /dev/zero | tr '\\0' x; sleep 0.2; printf end");
  Client viewer = attach(id, "?mode=viewer");
  Client holder = attach(id);
  holder.until_over();  // the viewer reads nothing meanwhile
  EXPECT_EQ(holder.out.size(), 20000003U);
  viewer.until_over();
  EXPECT_LT(viewer.replayed.size(), 20000003U);
  EXPECT_TRUE(viewer.replayed.ends_with("xxend"));
  uint64_t next = 0;
  bool skipped = false;
  for (auto [offset, length] : viewer.replays) {
    EXPECT_GE(offset, next);
    skipped = skipped || offset > next;
    next = offset + length;
  }
  EXPECT_TRUE(skipped);
  EXPECT_EQ(next, 20000003U);
}

// --- Much output, slow readers, ends ---

TEST_F(PtyTest, ASlowHolderGetsEverythingInLittleMemory) {
  run("true");
  reset_peak();
  size_t before = peak_memory();
  Client client = attach(create_for("seq 1 1500000; exit 2"));
  std::string expected;
  for (int i = 1; i <= 1500000; i++) expected += std::to_string(i) + "\r\n";
  ASSERT_GT(expected.size(), 10000000U);
  reset_peak();
  before = peak_memory();
  size_t checked = 0;
  wait(milliseconds(300));
  while (!client.over) {
    client.until([&] { return client.out.size() > 500000; });
    ASSERT_EQ(expected.compare(checked, client.out.size(), client.out), 0) << checked;
    checked += client.out.size();
    client.out.clear();
    wait(milliseconds(10));
  }
  EXPECT_EQ(checked, expected.size());
  EXPECT_LE(client.largest, 32 * 1024U + 1);
  EXPECT_EQ(client.texts.back(), R"({"type":"exit","exit_code":2})");
  EXPECT_LT(peak_memory() - before, 12u << 20);
}

TEST_F(PtyTest, TheLastBytesAreNeverLost) {
  for (int i = 0; i < 40; i++)
    for (const char* mode : {"", "?pty=0"}) {
      Client client = run("head -c 200000 /dev/zero | tr '\\0' x; printf END", mode);
      ASSERT_EQ(client.out.size(), 200003U) << mode;
      ASSERT_TRUE(client.out.ends_with("END"));
      ASSERT_EQ(client.kinds, "t1t");
      ASSERT_EQ(client.close_code(), 1000);
    }
}

TEST_F(PtyTest, ProcessesLeftBehindDoNotHoldTheEnd) {
  for (const char* mode : {"", "?pty=0"}) {
    std::string id = create_for("(trap '' HUP; exec yes) & echo $! > " + base_ + ".pid; exit 8");
    Client client = attach(id, mode);
    client.until_over();
    EXPECT_EQ(client.texts.back(), R"({"type":"exit","exit_code":8})");
    pid_t left = pid_in(base_ + ".pid");
    if (mode == "?pty=0"s) {
      wait(milliseconds(100));
      EXPECT_TRUE(is_alive(left));  // it may go on printing, into nothing
    }
    EXPECT_EQ(call("DELETE", "/pty/" + id).status, 200);
    EXPECT_TRUE(wait_until([&] { return !is_alive(left); }));
  }
}

TEST_F(PtyTest, DeleteInTheMiddleOfOutputEndsEverything) {
  std::string id =
      create_for("setsid sleep 1001 & echo $! > " + base_ + ".pid; (trap '' TERM HUP; sleep 1002) & yes");
  Client client = attach(id);
  ASSERT_TRUE(client.until([&] { return client.out.size() > 100000; }));
  pid_t escaped = pid_in(base_ + ".pid");
  EXPECT_TRUE(is_alive(escaped));
  EXPECT_EQ(call("DELETE", "/pty/" + id).status, 200);
  EXPECT_TRUE(wait_until([&] { return !is_alive(escaped); }));
  client.until_over();
  EXPECT_EQ(client.texts.back(), R"({"type":"exit","exit_code":-1})");
  EXPECT_EQ(client.close_code(), 1000);
  EXPECT_EQ(call("GET", "/pty/" + id).status, 404);
}

TEST_F(PtyTest, AClientThatDiesInsideAFrameLeavesTheShell) {
  std::string id = create();
  Client client = attach(id);
  client.type("X=here\n");
  ASSERT_TRUE(client.until_out("here"));
  loop_.run_until_done(client.peer->send_bytes("\x82\xfe\x10\x00____half"s));
  client.leave();
  std::unique_ptr<WebSocketPeer> peer;
  ASSERT_TRUE(wait_until([&] { return (peer = handshake(request_for(id, "?since=99999")))->upgraded; }));
  Client next;
  next.loop = &loop_;
  next.peer = std::move(peer);
  next.type("echo $X-$((1+1))\n");
  EXPECT_TRUE(next.until_out("here-2"));
}

TEST_F(PtyTest, InputThatIsNotReadIsBounded) {
  reset_peak();
  size_t before = peak_memory();
  std::string id = create_for("sleep 1000");
  Client client = attach(id, "?pty=0");
  auto flood = [](Client* c) -> net::task<> {
    c->peer->stream->set_write_deadline(milliseconds(500));
    try {
      for (int i = 0; i < 1000; i++) co_await c->peer->send(Opcode::binary, "\0"s + std::string(100000, 'i'));
      ADD_FAILURE() << "a hundred megabytes were taken";
    } catch (const Error&) {
      // held back, as it should be
    }
  };
  loop_.run_until_done(flood(&client));
  EXPECT_LT(peak_memory() - before, 16u << 20);
  EXPECT_EQ(call("DELETE", "/pty/" + id).status, 200);
}

TEST_F(PtyTest, ALargePasteArrivesWhole) {
  Client client = attach(create_for("wc -c"), "?pty=0");
  for (int i = 0; i < 20; i++) client.type(std::string(200000, 'p'));
  client.text(R"({"type":"eof"})");
  client.until_over();
  EXPECT_EQ(client.out, "4000000\n");
}

TEST_F(PtyTest, SessionsLeaveNothingBehind) {
  run("true");
  run("true", "?pty=0");
  size_t before = open_descriptors();
  for (int i = 0; i < 30; i++) {
    for (const char* mode : {"", "?pty=0"}) {
      std::string id = create_for(i % 3 == 0 ? "true" : "sleep 1000");
      Client client = attach(id, mode);
      if (i % 3 == 0) client.until_over();
      if (i % 3 == 1) client.leave();
      ASSERT_EQ(call("DELETE", "/pty/" + id).status, 200);
      if (i % 3 == 2) client.until_over();
    }
  }
  EXPECT_TRUE(wait_until([&] { return open_descriptors() <= before + 2; })) << open_descriptors() - before;
}

net::task<> end_in_order(Daemon* daemon) {
  co_await daemon->drain(milliseconds(50));
  co_await daemon->hang_up(milliseconds(3000));
  co_await end_descendants(milliseconds(3000));
  co_await daemon->stop(milliseconds(500));
}

TEST_F(PtyTest, AtTheEndOfTheDaemonTheLastBytesAndTheExitComeFirst) {
  Client holder =
      attach(create_for("trap 'seq 20000; echo last; exit 3' HUP; echo up; while :; do sleep 0.02; done"));
  ASSERT_TRUE(holder.until_out("up"));
  bool done = false;
  net::spawn(loop_.executor(), "end", [](Daemon* daemon, bool* done) -> net::task<> {
    co_await end_in_order(daemon);
    *done = true;
  }(daemon_.get(), &done));
  holder.until_over();
  EXPECT_THAT(holder.out, ::testing::EndsWith("20000\r\nlast\r\n"));
  ASSERT_FALSE(holder.texts.empty());
  EXPECT_THAT(holder.texts.back(), HasSubstr(R"("exit_code":3)"));
  EXPECT_TRUE(wait_until([&] { return done; }));
}

TEST_F(PtyTest, TheEndOfTheDaemonIsToldToClients) {
  Client client = attach(create());
  loop_.run_until_done(daemon_->stop(milliseconds(200)));
  client.until_over();
  EXPECT_EQ(client.close_code(), 1001);
}

}  // namespace
}  // namespace osb::execd
