// A whole server in the test's process: real sockets on the loopback, a real journal, a runtime made of
// memory.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <memory>
#include <thread>

#include "base/json.h"
#include "http/client.h"
#include "net/loop.h"
#include "server/app.h"
#include "server/fake_runtime.h"

namespace osb::server {

struct Answer {
  int status = 0;
  http::Headers headers;
  std::string body;

  json::Value json() const { return json::parse(body); }
  std::string member(std::string_view name) const {
    json::Value value = json();
    const json::Value* found = value.as_object().if_contains(name);
    if (!found) return {};
    return found->is_string() ? std::string(found->as_string()) : json::serialize(*found);
  }
  std::string code() const { return member("code"); }
  // "type loc" of every schema violation.
  std::string problems() const {
    std::string out;
    json::Value value = json();
    for (const json::Value& problem : value.at("detail").as_array()) {
      if (!out.empty()) out += ' ';
      out += std::string(problem.at("type").as_string()) + " " + json::serialize(problem.at("loc"));
    }
    return out;
  }
};

class ServerFixture : public testing::Test {
 protected:
  ServerFixture() {
    char name[] = "/tmp/osb-server-XXXXXX";
    folder_ = ::mkdtemp(name);
  }
  ~ServerFixture() override {
    end();
    std::filesystem::remove_all(folder_);
  }

  void SetUp() override { start(); }

  // A server over the journal and the sandboxes of before.
  void start(bool recover = true) {
    loop_ = std::make_unique<net::Loop>();
    auto before = std::move(runtime_);
    runtime_ = std::make_unique<FakeRuntime>(loop_->executor());
    if (before) {
      runtime_->held = before->held;
      runtime_->failed_starts = before->failed_starts;
    }
    database_ = std::make_unique<store::Database>(folder_ + "/server.db");
    app_ = std::make_unique<App>(loop_->executor(), config_, *database_, *runtime_);
    auto listener = net::listen_tcp(loop_->executor(), "127.0.0.1", 0);
    port_ = listener->port();
    app_->serve(std::move(listener));
    client_ = std::make_unique<http::Client>(loop_->executor());
    if (recover) loop_->run_until_done(app_->recover());
  }

  // Ends like kill -9 does: nothing is said, nothing is written.
  void end() {
    client_.reset();
    app_.reset();
    database_.reset();
    loop_.reset();
  }
  void restart() {
    end();
    start();
  }

  static net::task<Answer> send(http::Client& client, uint16_t port, http::ClientRequest request) {
    auto response = co_await client.send({"127.0.0.1", port, {}}, std::move(request));
    Answer answer{response->status(), response->headers(), {}};
    answer.body = co_await response->read_all(16 << 20);
    co_return answer;
  }
  static net::task<> send_into(http::Client& client, uint16_t port, http::ClientRequest request,
                               Answer& out) {
    out = co_await send(client, port, std::move(request));
  }

  Answer call(std::string method, std::string target, std::string body = {}, http::Headers headers = {}) {
    Answer out;
    http::ClientRequest request{std::move(method), std::move(target), std::move(headers), std::move(body)};
    loop_->run_until_done(send_into(*client_, port_, std::move(request), out));
    return out;
  }

  // Sent without waiting for the answer, which appears in the returned place (status 0 until then).
  std::shared_ptr<Answer> begin(std::string method, std::string target, std::string body = {}) {
    auto out = std::make_shared<Answer>();
    http::ClientRequest request{std::move(method), std::move(target), {}, std::move(body)};
    net::spawn(loop_->executor(), "test request", finish(*client_, port_, std::move(request), out));
    return out;
  }
  static net::task<> finish(http::Client& client, uint16_t port, http::ClientRequest request,
                            std::shared_ptr<Answer> out) {
    *out = co_await send(client, port, std::move(request));
  }

  static net::task<> stop(App& app, bool& done) {
    co_await app.stop(std::chrono::seconds(5));
    done = true;
  }

  template <class Condition>
  static net::task<> poll(Condition condition, bool& reached) {
    for (int i = 0; i < 4000 && !reached; i++) {
      reached = condition();
      if (!reached) co_await net::sleep_for(std::chrono::milliseconds(5));
    }
  }
  // Runs the loop until it is true; false when that takes far too long.
  template <class Condition>
  bool until(Condition condition) {
    bool reached = false;
    loop_->run_until_done(poll(std::move(condition), reached));
    return reached;
  }

  static std::string create_body(std::string_view more = "") {
    return R"({"image":{"uri":"base:latest"},"timeout":600,"resourceLimits":{"cpu":"500m","memory":"256Mi"},)"
           R"("entrypoint":["tail","-f","/dev/null"])" +
           (more.empty() ? std::string() : "," + std::string(more)) + "}";
  }
  // Id of a new sandbox; `more` are further members of the request.
  std::string create(std::string_view more = "") {
    Answer answer = call("POST", "/v1/sandboxes", create_body(more));
    EXPECT_EQ(answer.status, 202) << answer.body;
    return answer.status == 202 ? answer.member("id") : std::string();
  }
  Answer get(const std::string& id) { return call("GET", "/v1/sandboxes/" + id); }
  std::string state(const std::string& id) {
    Answer answer = get(id);
    if (answer.status != 200) return std::to_string(answer.status);
    return std::string(answer.json().at("status").at("state").as_string());
  }
  std::string message(const std::string& id) {
    return std::string(get(id).json().at("status").at("message").as_string());
  }

  // A row as an earlier server left it.
  void journal(const std::string& id, store::Phase phase, std::optional<std::chrono::seconds> lives = {}) {
    store::Database database(folder_ + "/server.db");
    store::SandboxStore store(database);
    store::SandboxRow row;
    row.phase = phase;
    row.sandbox.id = id;
    row.sandbox.image = "base:latest";
    row.sandbox.entrypoint = {"x"};
    row.sandbox.created_at = now() - std::chrono::hours(1);
    row.sandbox.status.last_transition_at = row.sandbox.created_at;
    if (lives) row.sandbox.expires_at = now() + *lives;
    row.token = "token-of-" + id;
    row.address = "10.9.9.9";
    store.put(row);
  }
  void hold(const std::string& id, runtime::State state, std::optional<int> code = {}) {
    runtime_->held[id] = {.id = id,
                          .state = state,
                          .address = "127.0.0.1",
                          .exit_code = code,
                          .exit_reason = code ? "exit status " + std::to_string(*code) : ""};
  }
  size_t rows() { return store::SandboxStore(*database_).load().size(); }

  ServerConfig config_;
  std::string folder_;
  std::unique_ptr<net::Loop> loop_;
  std::unique_ptr<FakeRuntime> runtime_;
  std::unique_ptr<store::Database> database_;
  std::unique_ptr<App> app_;
  std::unique_ptr<http::Client> client_;
  uint16_t port_ = 0;
};

}  // namespace osb::server
