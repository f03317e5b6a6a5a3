// Sessions over HTTP: made, shown, bounded, deleted; and who may connect to one.
#include "execd/pty/pty_world_for_tests.h"

namespace osb::execd {
namespace {

using namespace test;

// --- REST ---

TEST_F(PtyTest, SessionsAreMadeShownAndDeleted) {
  std::string id = create();
  EXPECT_EQ(call("GET", "/pty/" + id).body,
            R"({"session_id":")" + id + R"(","running":false,"output_offset":0})");
  Answer deleted = call("DELETE", "/pty/" + id);
  EXPECT_EQ(deleted.status, 200);
  EXPECT_EQ(deleted.body, "");
  EXPECT_EQ(refusal(call("DELETE", "/pty/" + id)), "404 CONTEXT_NOT_FOUND");
  EXPECT_EQ(refusal(call("GET", "/pty/" + id)), "404 CONTEXT_NOT_FOUND");
  EXPECT_THAT(call("GET", "/pty/x").body, HasSubstr("pty session x not found"));
  for (const char* body : {"{", "[]", R"({"cwd":5})", R"({"command":"a\u0000b"})",
                           R"({"cwd":"$UNDEFINED_X"})", R"({"cwd":"/etc/passwd"})"})
    EXPECT_EQ(refusal(call("POST", "/pty", body)), "400 INVALID_REQUEST_BODY") << body;
  EXPECT_EQ(refusal(call("POST", "/pty", R"({"cwd":"/proc/x"})")), "500 RUNTIME_ERROR");
}

TEST_F(PtyTest, TheDirectoryIsMade) {
  std::string id = create(R"({"cwd":"~/)" + base_.substr(5) + R"(.d/deep","command":"pwd"})");
  Client client = attach(id);
  client.until_over();
  EXPECT_EQ(client.out, base_ + ".d/deep\r\n");
  ::rmdir((base_ + ".d/deep").c_str());
  Client again = attach(create(R"({"cwd":")" + base_ + R"(.d/deep"})"));  // made again
  again.leave();
  std::string gone = create(R"({"cwd":")" + base_ + R"(.d/deep"})");
  ::rmdir((base_ + ".d/deep").c_str());
  Client failed;
  failed.loop = &loop_;
  failed.peer = handshake(request_for(gone));
  failed.until_over();
  ASSERT_EQ(failed.texts.size(), 1U);
  EXPECT_THAT(failed.texts[0], StartsWith(R"({"type":"error","error":"starting )"));
  EXPECT_THAT(failed.texts[0], HasSubstr(R"("code":"START_FAILED"})"));
  EXPECT_EQ(failed.close_code(), static_cast<int>(CloseCode::none));
  ::rmdir((base_ + ".d").c_str());
}

TEST_F(PtyTest, SessionsAreBounded) {
  options_.pty.sessions = 3;
  start();
  std::string running = create();
  Client one = attach(running);
  std::string held = create_for("true");
  std::string third = create();
  std::string fourth = create();  // makes room: one that was never started
  EXPECT_EQ(call("GET", "/pty/" + running).status, 200);
  EXPECT_EQ(call("GET", "/pty/" + third).status + call("GET", "/pty/" + held).status, 604);
  Client two = attach(create_for("sleep 1000"));
  Client three = attach(call("GET", "/pty/" + fourth).status == 200 ? fourth : third);
  EXPECT_EQ(refusal(call("POST", "/pty")), "429 RESOURCE_EXHAUSTED");
  three.leave();  // its shell runs on
  EXPECT_EQ(refusal(call("POST", "/pty")), "429 RESOURCE_EXHAUSTED");
}

TEST_F(PtyTest, IdleSessionsAreForgotten) {
  options_.pty.idle_time = milliseconds(50);
  start();
  std::string idle = create();
  std::string running = create();
  Client client = attach(running);
  client.leave();
  wait(milliseconds(100));
  EXPECT_EQ(call("GET", "/pty/" + idle).status, 404);
  EXPECT_EQ(call("GET", "/pty/" + running).status, 200);
}

TEST_F(PtyTest, IdleSessionsAreForgottenWithoutARequest) {
  options_.pty.idle_time = milliseconds(50);
  PtySessions sessions(loop_.executor(), reaper_, {options_.commands, options_.pty});
  std::weak_ptr<PtySession> session = sessions.create({"/tmp", ""});
  EXPECT_TRUE(wait_until([&] { return session.expired(); }));
  EXPECT_EQ(sessions.size(), 0u);
}

// --- The same request again ---

TEST_F(PtyTest, ARetryGetsTheFirstSession) {
  options_.pty.sessions = 1;  // a second one would take the place of the first
  start();
  std::string body = R"({"cwd":"/tmp"})";
  Answer first = call("POST", "/pty", body, "key");
  EXPECT_EQ(first.status, 201);
  EXPECT_EQ(first.replayed, "");
  Answer second = call("POST", "/pty", body, "key");
  EXPECT_EQ(second.status, 201);
  EXPECT_EQ(second.body, first.body);
  EXPECT_EQ(second.replayed, "true");
  std::string id(json::parse(first.body).at("session_id").as_string());
  EXPECT_EQ(call("GET", "/pty/" + id).status, 200);
  EXPECT_NE(call("POST", "/pty", body, "other").body, first.body);
  EXPECT_EQ(call("GET", "/pty/" + id).status, 404);
}

TEST_F(PtyTest, AKeyStandsForOneRequest) {
  ASSERT_EQ(call("POST", "/pty", R"({"cwd":"/tmp"})", "key").status, 201);
  EXPECT_EQ(refusal(call("POST", "/pty", R"({"cwd":"/"})", "key")), "409 IDEMPOTENCY_KEY_REUSED");
  EXPECT_EQ(refusal(call("POST", "/command", R"({"cwd":"/tmp"})", "key")), "409 IDEMPOTENCY_KEY_REUSED");
  EXPECT_EQ(refusal(call("POST", "/pty", "", "no blanks")), "400 INVALID_REQUEST_BODY");
}

TEST_F(PtyTest, ARetryOfADeletedSessionMakesNone) {
  Answer first = call("POST", "/pty", "", "key");
  std::string id(json::parse(first.body).at("session_id").as_string());
  EXPECT_EQ(call("DELETE", "/pty/" + id).status, 200);
  EXPECT_EQ(refusal(call("POST", "/pty", "", "key")), "409 IDEMPOTENCY_RESULT_GONE");
}

TEST_F(PtyTest, ARequestThatWasRefusedFreesItsKey) {
  EXPECT_EQ(call("POST", "/pty", R"({"cwd":7})", "key").status, 400);
  EXPECT_EQ(call("POST", "/pty", R"({"cwd":"/tmp"})", "key").status, 201);
}

// --- Handshake ---

TEST_F(PtyTest, TheHandshakeNeedsTheToken) {
  std::string id = create();
  EXPECT_THAT(refused(WebSocketPeer::request("/pty/" + id + "/ws")), StartsWith("HTTP/1.1 401 "));
}

TEST_F(PtyTest, HandshakeDecisionsComeInOrder) {
  std::string id = create();
  std::string plain = "GET /pty/" + id + "/ws?takeover=1 HTTP/1.1\r\nHost: x\r\n" + kToken + "\r\n";
  EXPECT_THAT(refused(request_for("none")),
              AllOf(StartsWith("HTTP/1.1 404 "), HasSubstr(R"("code":"CONTEXT_NOT_FOUND")")));
  EXPECT_THAT(refused(plain), StartsWith("HTTP/1.1 400 "));
  Client holder = attach(id);  // the failed handshake left it free
  EXPECT_THAT(refused(request_for(id)),
              AllOf(StartsWith("HTTP/1.1 409 "),
                    HasSubstr(R"({"code":"ALREADY_CONNECTED","message":"another client is already connected )"
                              R"(to pty session )" +
                              id + "\"}")));
  EXPECT_THAT(refused(plain), StartsWith("HTTP/1.1 409 "));
  std::string bad = request_for(id, "?takeover=1");
  bad.replace(bad.find("Version: 13"), 11, "Version: 12");
  EXPECT_THAT(refused(bad), StartsWith("HTTP/1.1 400 "));
  holder.type("echo still $((40+2))\n");
  EXPECT_TRUE(holder.until_out("still 42"));
}

}  // namespace
}  // namespace osb::execd
