// For tests: the daemon as a client sees it, a real server on a loopback port with real processes behind it.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <chrono>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/json.h"
#include "execd/daemon.h"
#include "http/client.h"
#include "net/loop.h"
#include "net/timer.h"

namespace osb::execd {

struct Answer {
  int status = 0;
  std::string type;
  std::string cursor;
  std::string body;
};

// One event of a stream, without its timestamp: "stdout:one\n", "error:3/exit status 3".
inline std::string brief(const json::Value& event) {
  std::string out(event.at("type").as_string());
  EXPECT_TRUE(event.as_object().contains("timestamp"));
  if (auto text = event.as_object().if_contains("text")) out += ":" + std::string(text->as_string());
  if (auto error = event.as_object().if_contains("error"))
    out += ":" + std::string(error->at("evalue").as_string()) + "/" +
           std::string(error->at("traceback").at(0).as_string());
  return out;
}

inline std::vector<std::string> events_of(std::string_view body) {
  std::vector<std::string> out;
  while (!body.empty()) {
    size_t end = body.find("\n\n");
    if (end == std::string_view::npos) ADD_FAILURE() << "an event without its blank line: " << body;
    out.push_back(brief(json::parse(body.substr(0, end))));
    body.remove_prefix(std::min(end + 2, body.size()));
  }
  return out;
}

// A stream without its pings, which are no part of the record.
inline std::string record(std::string_view body) {
  std::string out;
  while (!body.empty()) {
    size_t end = std::min(body.find("\n\n"), body.size() - 2) + 2;
    if (body.substr(0, end).find(R"("type":"ping")") == std::string_view::npos) out += body.substr(0, end);
    body.remove_prefix(end);
  }
  return out;
}

// From a stream that begins with its init event.
inline std::string execution_id(std::string_view body) {
  json::Value init = json::parse(body.substr(0, body.find("\n\n")));
  return std::string(init.at("execution_id").as_string());
}

class DaemonTest : public ::testing::Test {
 protected:
  DaemonTest() : reaper_(loop_.executor()), client_(loop_.executor()) {
    ::signal(SIGPIPE, SIG_IGN);
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    env_file_ = "/tmp/execd_daemon_test." + std::to_string(::getpid()) + ".env";
    options_.addresses = {"127.0.0.1"};
    options_.port = 0;
    options_.token = "secret";
    options_.commands.environment = {{"PATH", "/usr/bin:/bin"}, {"HOME", "/tmp"}, {"EXECD_ENVS", env_file_}};
    options_.commands.cwd = "/tmp";
    start();
  }
  ~DaemonTest() override { ::unlink(env_file_.c_str()); }

  void start() {
    daemon_ = std::make_unique<Daemon>(loop_.executor(), reaper_, options_);
    daemon_->listen();
  }

  http::ClientRequest request(std::string method, std::string target, std::string body = {}) {
    http::ClientRequest request;
    request.method = std::move(method);
    request.target = std::move(target);
    request.body = std::move(body);
    request.headers = {{"X-EXECD-ACCESS-TOKEN", "secret"}};
    if (!agent_.empty()) request.headers.add("User-Agent", agent_);
    return request;
  }

  static net::task<> send(DaemonTest* self, http::ClientRequest request, Answer* answer) {
    auto response = co_await self->client_.send({"127.0.0.1", self->daemon_->port(), {}}, std::move(request));
    answer->status = response->status();
    answer->type = response->headers().get("Content-Type");
    answer->cursor = response->headers().get("EXECD-COMMANDS-TAIL-CURSOR");
    answer->body = co_await response->read_all(128 * 1024 * 1024);
  }

  Answer call(http::ClientRequest request) {
    Answer answer;
    loop_.run_until_done(send(this, std::move(request), &answer));
    return answer;
  }
  Answer get(std::string target) { return call(request("GET", std::move(target))); }
  Answer post_command(std::string body) { return call(request("POST", "/command", std::move(body))); }

  std::vector<std::string> run(std::string command, std::string more = {}) {
    Answer answer = post_command("{\"command\":" + json::serialize(json::Value(command)) + more + "}");
    EXPECT_EQ(answer.status, 200) << answer.body;
    EXPECT_EQ(answer.type, "text/event-stream");
    std::vector<std::string> events = events_of(answer.body);
    EXPECT_GE(events.size(), 3u);
    if (events.size() < 3) return events;
    EXPECT_THAT(events[0], ::testing::MatchesRegex("init:[0-9a-f]{32}"));
    EXPECT_EQ(events[1], "ping:pong");
    last_id_ = events[0].substr(5);
    events.erase(events.begin(), events.begin() + 2);
    return events;
  }
  // Status code and `code` of a refusal.
  std::string refusal(const Answer& answer) {
    return std::to_string(answer.status) + " " + std::string(json::parse(answer.body).at("code").as_string());
  }

  // Reads until `enough` bytes are there, then drops the connection.
  static net::task<> read_and_cut(DaemonTest* self, http::ClientRequest request, size_t enough,
                                  std::string* got) {
    auto response = co_await self->client_.send({"127.0.0.1", self->daemon_->port(), {}}, std::move(request));
    std::string buffer(512, '\0');
    while (got->size() < enough) {
      size_t n = co_await response->read_some(
          std::span(buffer.data(), std::min(buffer.size(), enough - got->size())));
      if (n == 0) co_return;
      got->append(buffer, 0, n);
    }
  }

  bool wait_until(auto condition, std::chrono::milliseconds limit = std::chrono::milliseconds(20000)) {
    for (auto end = std::chrono::steady_clock::now() + limit; !condition();) {
      if (std::chrono::steady_clock::now() > end) return false;
      loop_.run_until_done(net::sleep_for(std::chrono::milliseconds(5)));
    }
    return true;
  }

  net::Loop loop_;
  Reaper reaper_;
  http::Client client_;
  DaemonOptions options_;
  std::unique_ptr<Daemon> daemon_;
  std::string env_file_;
  std::string agent_;
  std::string last_id_;
};

}  // namespace osb::execd
