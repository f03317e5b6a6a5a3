// Terminals as a client has them: a real shell behind a real server, over a real socket.
#pragma once

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
#include "execd/metrics.h"
#include "execd/process_for_tests.h"
#include "execd/small_file.h"
#include "http/client.h"
#include "http/websocket_for_tests.h"
#include "net/loop.h"

namespace osb::execd::test {

using namespace std::string_literals;
using http::CloseCode;
using http::Opcode;
using http::WebSocketPeer;
using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

inline constexpr const char* kToken = "X-EXECD-ACCESS-TOKEN: secret\r\n";

inline size_t peak_memory() {
  return parse_meminfo(read_small_file("/proc/self/status", 64 * 1024).value_or(""), "VmHWM");
}
inline void reset_peak() { std::ofstream("/proc/self/clear_refs") << "5"; }

inline bool is_alive(pid_t pid) {
  std::string stat = read_small_file("/proc/" + std::to_string(pid) + "/stat", 4096).value_or("");
  return !stat.empty() && parse_process_stat(stat).state != 'Z';
}

// A client, with everything that it was sent.
struct TerminalClient {
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

  static net::task<> read_one(TerminalClient* self) {
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
  using Client = TerminalClient;

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
    std::string replayed;  // Idempotent-Replayed
  };
  static net::task<> send(PtyTest* self, http::ClientRequest request, Answer* answer) {
    auto response = co_await self->client_.send({"127.0.0.1", self->daemon_->port(), {}}, std::move(request));
    answer->status = response->status();
    answer->replayed = response->headers().get("Idempotent-Replayed");
    answer->body = co_await response->read_all(1024 * 1024);
  }
  Answer call(std::string method, std::string target, std::string body = {}, std::string key = {}) {
    http::ClientRequest request;
    request.method = std::move(method);
    request.target = std::move(target);
    request.body = std::move(body);
    request.headers = {{"X-EXECD-ACCESS-TOKEN", "secret"}};
    if (!key.empty()) request.headers.add("Idempotency-Key", std::move(key));
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

}  // namespace osb::execd::test
