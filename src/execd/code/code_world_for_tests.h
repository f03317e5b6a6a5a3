// Code contexts as clients meet them: real requests through the routes, real processes behind
// them. Tests of a language set `language_`.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "base/json.h"
#include "base/json_text.h"
#include "execd/code/code_routes.h"
#include "execd/code/contexts.h"
#include "execd/execution_routes.h"
#include "http/router.h"
#include "http/status.h"
#include "net/loop.h"
#include "net/timer.h"

namespace osb::execd::test {

using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr milliseconds kDeadline{30'000};  // only a hang reaches it

class Body : public http::BodyReader {
 public:
  explicit Body(std::string text) : text_(std::move(text)) {}
  net::task<size_t> read_some(std::span<char>) override { throw Error(ErrorCode::internal, "not used"); }
  net::task<std::string> read_all(uint64_t) override { co_return text_; }
  std::optional<uint64_t> content_length() const override { return text_.size(); }

 private:
  std::string text_;
};

// Takes an answer down. A slow client is one whose writes wait for resume(); a gone one makes them fail.
class Client : public http::ResponseWriter {
 public:
  explicit Client(net::asio::any_io_executor executor) : changed(executor) {}

  net::task<> send(http::Response response) override {
    status = response.status;
    body = std::move(response.body);
    done = true;
    changed.notify();
    co_return;
  }
  void start(int code, http::Headers given) override {
    status = code;
    headers = std::move(given);
  }
  net::task<> write(std::string_view bytes) override {
    while (slow) co_await changed.wait();
    if (gone) throw Error(ErrorCode::unavailable, "the client is gone");
    if (keep) body += bytes;
    received += bytes.size();
    changed.notify();
  }
  net::task<> flush_head() override { co_return; }
  net::task<> write_file(net::FileRegion, net::Offload) override { co_return; }
  net::task<> finish(std::string_view last) override {
    co_await write(last);
    done = true;
    changed.notify();
  }
  bool started() const override { return status != 0; }
  void add_header(std::string, std::string) override {}
  std::unique_ptr<net::Stream> upgrade(std::string&) override { return nullptr; }
  net::Stream& stream() override { throw Error(ErrorCode::internal, "not used"); }

  std::vector<json::Value> events() const {
    std::vector<json::Value> list;
    size_t at = 0;
    while (at < body.size()) {
      size_t end = body.find("\n\n", at);
      if (end == std::string::npos) break;
      json::Value event = json::parse(std::string_view(body).substr(at, end - at));
      if (event.at("type") != "ping") list.push_back(event);
      at = end + 2;
    }
    return list;
  }
  std::vector<std::string> types() const {
    std::vector<std::string> list;
    for (const json::Value& event : events()) list.emplace_back(event.at("type").as_string());
    return list;
  }
  // All text of one type of event.
  std::string text(std::string_view type) const {
    std::string all;
    for (const json::Value& event : events())
      if (event.at("type").as_string() == type) all += event.at("text").as_string();
    return all;
  }
  std::string result() const {
    for (const json::Value& event : events())
      if (event.at("type") == "result") return std::string(event.at("results").at("text").as_string());
    return "<none>";
  }
  std::string error(const char* member) const {
    for (const json::Value& event : events())
      if (event.at("type") == "error") return std::string(event.at("error").at(member).as_string());
    return "<none>";
  }
  json::Value json() const { return json::parse(body); }

  net::Event changed;
  int status = 0;
  http::Headers headers;
  std::string body;
  size_t received = 0;
  bool done = false, slow = false, gone = false, keep = true;
};

class Code : public ::testing::Test {
 protected:
  Code() {
    ::signal(SIGPIPE, SIG_IGN);  // as execd does
    open({});
  }
  ~Code() override { close(); }

  void open(std::map<std::string, std::string> more) {
    std::map<std::string, std::string> env{{"PATH", ::getenv("PATH")}, {"LANG", "C.UTF-8"}, {"HOME", "/tmp"}};
    for (auto& [name, value] : more) env[name] = value;
    CodeContexts::Options options;
    for (auto& [name, value] : env) options.env.push_back(name + "=" + value);
    options.cwd = std::filesystem::temp_directory_path();
    options.limits.start_time = start_time_;
    router_.emplace();
    executions_.emplace(loop_.executor());
    retries_.emplace(loop_.executor(), *executions_);
    contexts_.emplace(loop_.executor(), *reaper_, *executions_, options);
    add_code_routes(*router_, *contexts_, *retries_, {});
    add_resume_routes(*router_, *executions_);
  }
  void close() {
    router_.reset();
    contexts_.reset();
    retries_.reset();
    executions_.reset();
  }

  net::task<> serve(std::string method, std::string path, std::string query, std::string text,
                    std::shared_ptr<Client> client) {
    Body body(std::move(text));
    http::Request request;
    request.method = std::move(method);
    request.path = std::move(path);
    request.raw_query = std::move(query);
    request.query = http::Query(request.raw_query);
    request.body = &body;
    const http::Handler* handler = nullptr;
    std::vector<std::string_view> allowed;
    EXPECT_EQ(router_->find(request, handler, allowed), http::Router::Match::found) << request.path;
    http::Response failure;
    try {
      co_await (*handler)(request, *client);
    } catch (const Error& error) {
      failure.status = http::status_of(error);
      failure.body =
          R"({"code":)" + json_string(error.wire()) + R"(,"message":)" + json_string(error.message()) + "}";
    }
    if (failure.status != 200) co_await client->send(failure);
  }

  // Starts a request; the loop goes on with it whenever it runs.
  std::shared_ptr<Client> start(std::string method, std::string path, std::string query = {},
                                std::string body = {}, std::shared_ptr<Client> client = nullptr) {
    if (!client) client = std::make_shared<Client>(loop_.executor());
    net::spawn(loop_.executor(), "request", serve(method, path, query, body, client));
    return client;
  }
  std::shared_ptr<Client> start_run(std::string id, std::string code,
                                    std::shared_ptr<Client> client = nullptr) {
    return start("POST", "/code", {}, run_body(id, code), client);
  }
  template <class F>
  void wait(std::shared_ptr<Client> client, F until) {
    auto end = std::chrono::steady_clock::now() + kDeadline;
    while (!until() && std::chrono::steady_clock::now() < end)
      loop_.run_until_done([](std::shared_ptr<Client> c) -> net::task<> {
        co_await c->changed.wait_for(milliseconds(5));
      }(client));
    ASSERT_TRUE(until()) << client->body.substr(0, 2000);
  }
  void finish(std::shared_ptr<Client> client) {
    wait(client, [&] { return client->done; });
  }
  std::shared_ptr<Client> call(std::string method, std::string path, std::string query = {},
                               std::string body = {}) {
    auto client = start(method, path, query, body);
    finish(client);
    return client;
  }
  std::shared_ptr<Client> run(std::string id, std::string code) {
    auto client = start_run(id, code);
    finish(client);
    return client;
  }
  std::string create() {
    auto answer = call("POST", "/code/context", {}, R"({"language":")" + language_ + R"("})");
    EXPECT_EQ(answer->status, 200) << answer->body;
    return std::string(answer->json().at("id").as_string());
  }
  // Lets the loop work for a while.
  void pass(milliseconds time) {
    loop_.run_until_done([](milliseconds t) -> net::task<> { co_await net::sleep_for(t); }(time));
  }
  std::string run_body(const std::string& id, const std::string& code) const {
    std::string named = id.empty() ? "" : R"(,"id":)" + json_string(id);
    return R"({"code":)" + json_string(code) + R"(,"context":{"language":")" + language_ + "\"" + named +
           "}}";
  }
  std::string context_body(const std::string& cwd) const {
    return R"({"language":")" + language_ + R"(","cwd":)" + json_string(cwd) + "}";
  }
  pid_t pid_of(const std::string& id) {
    return static_cast<pid_t>(std::stol(run(id, "import os; os.getpid()")->result()));
  }
  bool gone(pid_t pid) {
    for (int i = 0; i < 500; ++i) {
      std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
      std::string line;
      if (!std::getline(stat, line) || line.find(") Z ") != std::string::npos) return true;
      pass(milliseconds(10));
    }
    return false;
  }

  std::string language_ = "python";  // of the contexts that create() and run() mean
  milliseconds start_time_ = kDeadline;
  net::Loop loop_;
  std::optional<Reaper> reaper_{std::in_place, loop_.executor()};
  std::optional<Executions> executions_;
  std::optional<Retries> retries_;
  std::optional<CodeContexts> contexts_;
  std::optional<http::Router> router_;
};

}  // namespace osb::execd::test
