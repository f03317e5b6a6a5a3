// Terminals as a client has them: a real shell behind a real server, over a real socket.
#include <dirent.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "base/json.h"
#include "execd/daemon.h"
#include "execd/descendants.h"
#include "execd/metrics.h"
#include "execd/small_file.h"
#include "http/client.h"
#include "http/websocket_for_tests.h"
#include "net/loop.h"

namespace osb::execd {
namespace {

using namespace std::string_literals;
using http::CloseCode;
using http::Opcode;
using http::WebSocketPeer;
using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr const char* kToken = "X-EXECD-ACCESS-TOKEN: secret\r\n";

size_t open_descriptors() {
  size_t count = 0;
  std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir("/proc/self/fd"), ::closedir);
  while (::readdir(directory.get())) ++count;
  return count;
}

size_t peak_memory() {
  return parse_meminfo(read_small_file("/proc/self/status", 64 * 1024).value_or(""), "VmHWM");
}
void reset_peak() { std::ofstream("/proc/self/clear_refs") << "5"; }

bool is_alive(pid_t pid) {
  std::string stat = read_small_file("/proc/" + std::to_string(pid) + "/stat", 4096).value_or("");
  return !stat.empty() && parse_process_stat(stat).state != 'Z';
}

// A client, with everything that it was sent.
struct Client {
  net::Loop* loop = nullptr;
  std::unique_ptr<WebSocketPeer> peer;
  std::vector<std::string> texts;
  std::string out, err;
  std::string replayed;                              // payloads of 0x03 frames
  std::vector<std::pair<uint64_t, size_t>> replays;  // their offsets and lengths
  size_t largest = 0;
  std::string kinds;  // first byte of binary frames, 't' for texts, repeats once
  std::optional<http::WebSocketMessage> close;
  bool over = false;

  void note(char kind) {
    if (kinds.empty() || kinds.back() != kind) kinds += kind;
  }

  void take(http::WebSocketMessage message) {
    if (message.kind == Opcode::text) {
      note('t');
      texts.push_back(std::move(message.payload));
    } else if (message.kind == Opcode::close) {
      close = std::move(message);
    } else if (message.kind == Opcode::binary) {
      take_binary(message.payload);
    }
  }

  void take_binary(const std::string& payload) {
    char kind = payload.at(0);
    note(static_cast<char>('0' + kind));
    largest = std::max(largest, payload.size());
    if (kind == 1) out += payload.substr(1);
    if (kind == 2) err += payload.substr(1);
    if (kind != 3) return;
    uint64_t offset = 0;
    for (int i = 1; i <= 8; i++) offset = offset << 8 | static_cast<uint8_t>(payload.at(i));
    replays.emplace_back(offset, payload.size() - 9);
    replayed += payload.substr(9);
  }

  static net::task<> read_one(Client* self) {
    auto message = co_await self->peer->next();
    if (!message) {
      self->over = true;
      co_return;
    }
    bool closed = message->kind == Opcode::close;
    self->take(std::move(*message));
    if (closed) co_await self->peer->send(Opcode::close, http::close_payload(CloseCode::normal, ""));
  }

  // Takes frames until it is so; false when the connection ended first.
  bool until(auto condition) {
    while (!condition()) {
      if (over) return false;
      loop->run_until_done(read_one(this));
    }
    return true;
  }
  bool until_out(const std::string& text) {
    return until([&] { return out.find(text) != std::string::npos; });
  }
  bool until_text(const std::string& text) {
    return until([&] { return !texts.empty() && texts.back().find(text) != std::string::npos; });
  }
  void until_over() {
    until([] { return false; });
    EXPECT_FALSE(peer->timed_out);
  }

  void send(Opcode kind, std::string payload) { loop->run_until_done(peer->send(kind, std::move(payload))); }
  void text(std::string payload) { send(Opcode::text, std::move(payload)); }
  void type(const std::string& bytes) { send(Opcode::binary, "\0"s + bytes); }
  void leave() {
    peer->stream->close();
    over = true;
  }
  int close_code() const { return close ? static_cast<int>(close->close_code) : 0; }
};

class PtyTest : public ::testing::Test {
 protected:
  PtyTest() : reaper_(loop_.executor()), client_(loop_.executor()) {
    ::signal(SIGPIPE, SIG_IGN);
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    base_ = "/tmp/execd_pty_test." + std::to_string(::getpid());
    options_.addresses = {"127.0.0.1"};
    options_.port = 0;
    options_.token = "secret";
    options_.commands.environment = {
        {"PATH", "/usr/bin:/bin"}, {"HOME", "/tmp"}, {"PS1", "$ "}, {"EXECD_ENVS", base_ + ".env"}};
    options_.commands.cwd = "/tmp";
    start();
  }
  ~PtyTest() override { ::unlink((base_ + ".env").c_str()); }

  void start() {
    daemon_.reset();
    daemon_ = std::make_unique<Daemon>(loop_.executor(), reaper_, options_);
    daemon_->listen();
  }

  struct Answer {
    int status = 0;
    std::string body;
  };
  static net::task<> send(PtyTest* self, http::ClientRequest request, Answer* answer) {
    auto response = co_await self->client_.send({"127.0.0.1", self->daemon_->port(), {}}, std::move(request));
    answer->status = response->status();
    answer->body = co_await response->read_all(1024 * 1024);
  }
  Answer call(std::string method, std::string target, std::string body = {}) {
    http::ClientRequest request;
    request.method = std::move(method);
    request.target = std::move(target);
    request.body = std::move(body);
    request.headers = {{"X-EXECD-ACCESS-TOKEN", "secret"}};
    Answer answer;
    loop_.run_until_done(send(this, std::move(request), &answer));
    return answer;
  }
  std::string refusal(const Answer& answer) {
    return std::to_string(answer.status) + " " + std::string(json::parse(answer.body).at("code").as_string());
  }

  std::string create(const std::string& body = "") {
    Answer answer = call("POST", "/pty", body);
    EXPECT_EQ(answer.status, 201) << answer.body;
    return std::string(json::parse(answer.body).at("session_id").as_string());
  }
  std::string create_for(const std::string& command) {
    return create(json::serialize(json::Value({{"command", command}})));
  }
  json::Value status(const std::string& id) { return json::parse(call("GET", "/pty/" + id).body); }

  static net::task<> connect(PtyTest* self, std::string request, std::unique_ptr<WebSocketPeer>* out) {
    *out = co_await WebSocketPeer::connect(self->loop_.executor(), self->daemon_->port(), std::move(request));
  }
  std::unique_ptr<WebSocketPeer> handshake(const std::string& request) {
    std::unique_ptr<WebSocketPeer> peer;
    loop_.run_until_done(connect(this, request, &peer));
    return peer;
  }
  std::string refused(const std::string& request) {
    auto peer = handshake(request);
    EXPECT_FALSE(peer->upgraded);
    return peer->head;
  }
  static std::string request_for(const std::string& id, const std::string& query = "") {
    return WebSocketPeer::request("/pty/" + id + "/ws" + query, kToken);
  }
  Client attach(const std::string& id, const std::string& query = "") {
    Client out;
    out.loop = &loop_;
    out.peer = handshake(request_for(id, query));
    EXPECT_TRUE(out.peer->upgraded) << out.peer->head;
    out.until_text(R"("connected")");
    return out;
  }
  // Of a session with that command: what one client gets, to the end.
  Client run(const std::string& command, const std::string& query = "") {
    Client client = attach(create_for(command), query);
    client.until_over();
    return client;
  }

  void wait(milliseconds time) { loop_.run_until_done(net::sleep_for(time)); }
  bool wait_until(auto condition) {
    for (int i = 0; i < 4000; i++) {
      if (condition()) return true;
      wait(milliseconds(5));
    }
    return false;
  }
  pid_t pid_in(const std::string& path) {
    EXPECT_TRUE(wait_until([&] { return !read_small_file(path, 100).value_or("").empty(); }));
    pid_t pid = std::stoi(read_small_file(path, 100).value_or("0"));
    ::unlink(path.c_str());
    return pid;
  }

  net::Loop loop_;
  Reaper reaper_;
  http::Client client_;
  DaemonOptions options_;
  std::unique_ptr<Daemon> daemon_;
  std::string base_;
};

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
  client.type("\x04");  // end of input
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

// Clients that come and go while it prints have together what one would have had.
TEST_F(PtyTest, LiveOutputContinuesWhereTheLastClientWas) {
  std::string id = create_for("i=0; while [ $i -lt 2000 ]; do echo $i; i=$((i+1)); done; sleep 0.1; exit 9");
  std::string expected, seen;
  for (int i = 0; i < 2000; i++) expected += std::to_string(i) + "\r\n";
  int clients = 0;
  for (bool over = false; !over && clients < 1000; clients++) {
    Client client = attach(id, "?takeover=1&since=" + std::to_string(seen.size()));
    if (!client.replays.empty()) EXPECT_EQ(client.replays[0].first, seen.size());
    client.until([&] { return client.out.size() > 300; });
    seen += client.replayed + client.out;
    over = client.over;
    if (over) EXPECT_EQ(client.texts.back(), R"({"type":"exit","exit_code":9})");
    if (!over) client.leave();
  }
  EXPECT_EQ(seen, expected);
  EXPECT_GT(clients, 3);
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
