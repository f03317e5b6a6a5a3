// Restarts, expiry, operations that meet each other, and failures of the runtime.
#include <gmock/gmock.h>

#include "server/server_fixture.h"

namespace osb::server {
namespace {

using testing::Contains;
using testing::HasSubstr;

class LifecycleTest : public ServerFixture {
 protected:
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
    runtime_->held[id] = {.id = id, .state = state, .address = "127.0.0.1", .exit_code = code,
                          .exit_reason = code ? "exit status " + std::to_string(*code) : ""};
  }
  size_t rows() { return store::SandboxStore(*database_).load().size(); }
};

TEST_F(LifecycleTest, ARestartedServerAdoptsWhatRuns) {
  std::string running = create(R"("metadata":{"team":"a"})");
  std::string paused = create();
  call("POST", "/v1/sandboxes/" + paused + "/pause");
  std::string before = get(running).body;
  std::string endpoint = call("GET", "/v1/sandboxes/" + running + "/endpoints/44772").body;
  restart();
  EXPECT_EQ(get(running).body, before);
  EXPECT_EQ(call("GET", "/v1/sandboxes/" + running + "/endpoints/44772").body, endpoint);
  EXPECT_EQ(state(paused), "Paused");
  EXPECT_TRUE(runtime_->destroyed.empty());
  EXPECT_EQ(call("POST", "/v1/sandboxes/" + paused + "/resume").status, 202);
  EXPECT_EQ(call("DELETE", "/v1/sandboxes/" + running).status, 204);
}

TEST_F(LifecycleTest, TheRuntimeKnowsBestAfterARestart) {
  end();
  journal("ran", store::Phase::running, std::chrono::seconds(600));
  journal("slept", store::Phase::paused);
  journal("lost", store::Phase::running);
  journal("ended", store::Phase::running);
  journal("stopped", store::Phase::paused);
  journal("over", store::Phase::terminated);
  hold("ran", runtime::State::paused);
  hold("slept", runtime::State::running);
  hold("ended", runtime::State::exited, 3);
  hold("stopped", runtime::State::exited, 0);
  start();
  EXPECT_EQ(state("ran"), "Paused");
  EXPECT_EQ(state("slept"), "Running");
  EXPECT_EQ(state("lost"), "Failed");
  EXPECT_THAT(message("lost"), HasSubstr("no server was watching"));
  EXPECT_EQ(state("ended"), "Failed");
  EXPECT_THAT(message("ended"), HasSubstr("3"));
  EXPECT_EQ(state("stopped"), "Terminated");
  EXPECT_EQ(state("over"), "Terminated");
  EXPECT_THAT(call("GET", "/v1/sandboxes/ran/endpoints/44772").body, HasSubstr("token-of-ran"));
  EXPECT_THAT(call("GET", "/v1/sandboxes/ran/endpoints/80").body, HasSubstr("127.0.0.1:80"));  // the new address
  restart();  // and it stays so
  EXPECT_EQ(state("lost"), "Failed");
  EXPECT_EQ(state("ended"), "Failed");
}

TEST_F(LifecycleTest, UnfinishedAndUnknownSandboxesAreRemoved) {
  end();
  journal("half-made", store::Phase::creating);
  journal("half-gone", store::Phase::deleting);
  journal("never-made", store::Phase::creating);
  journal("expired", store::Phase::running, std::chrono::seconds(-5));
  for (const char* id : {"half-made", "half-gone", "expired", "stranger"}) hold(id, runtime::State::running);
  start();
  EXPECT_TRUE(runtime_->held.empty());
  EXPECT_THAT(runtime_->destroyed, Contains("stranger"));
  EXPECT_EQ(call("GET", "/v1/sandboxes").json().at("pagination").at("totalItems"), 0);
  EXPECT_EQ(rows(), 0u);
}

TEST_F(LifecycleTest, AnEndDuringRecoveryIsNotLost) {
  end();
  journal("a", store::Phase::creating);
  journal("b", store::Phase::running);
  hold("a", runtime::State::running);
  hold("b", runtime::State::running);
  start(false);
  runtime_->close_gate();
  net::spawn(loop_->executor(), "recovery", app_->recover());
  ASSERT_TRUE(until([&] { return runtime_->waiting == 1; }));  // in start(); then once more in destroy("a")
  runtime_->open_gate();
  runtime_->close_gate();
  ASSERT_TRUE(until([&] { return runtime_->waiting == 1; }));
  runtime_->end("b", 7, "exit status 7");
  runtime_->open_gate();
  auto shown = begin("GET", "/v1/sandboxes/b");  // waits for the end of the recovery
  ASSERT_TRUE(until([&] { return shown->status != 0; }));
  EXPECT_EQ(state("b"), "Failed");
}

TEST_F(LifecycleTest, HealthTellsWhenSandboxesAreTakenOver) {
  std::string id = create();
  end();
  runtime_->failed_starts = 1;
  start(false);
  runtime_->close_gate();
  net::spawn(loop_->executor(), "recovery", app_->recover());
  ASSERT_TRUE(until([&] { return runtime_->waiting == 1; }));
  Answer starting = call("GET", "/health");
  EXPECT_EQ(starting.status, 503);
  EXPECT_EQ(starting.code(), "SERVER_STARTING");
  EXPECT_TRUE(starting.headers.has("Retry-After"));
  auto waiting = begin("GET", "/v1/sandboxes/" + id);  // is answered when the server knows
  runtime_->open_gate();
  ASSERT_TRUE(until([&] { return waiting->status != 0; }));
  EXPECT_EQ(waiting->status, 200);
  EXPECT_EQ(call("GET", "/health").status, 200);
}

TEST_F(LifecycleTest, ExpiresAndStaysExpired) {
  std::string id = create();
  std::string other = create();
  auto soon = rfc3339_micros(now() + std::chrono::milliseconds(300));
  ASSERT_EQ(call("POST", "/v1/sandboxes/" + id + "/renew-expiration", R"({"expiresAt":")" + soon + "\"}").status, 200);
  EXPECT_EQ(state(id), "Running");
  ASSERT_TRUE(until([&] { return !app_->catalogue().find(id); }));
  EXPECT_EQ(state(id), "404");
  EXPECT_FALSE(runtime_->held.contains(id));
  EXPECT_EQ(state(other), "Running");
  EXPECT_EQ(rows(), 1u);
}

TEST_F(LifecycleTest, ExpiresWhilePausedAndAfterItsEnd) {
  std::string paused = create();
  std::string ended = create();
  call("POST", "/v1/sandboxes/" + paused + "/pause");
  runtime_->end(ended, 0, "exit status 0");
  auto soon = rfc3339_micros(now() + std::chrono::milliseconds(200));
  for (const std::string& id : {paused, ended})
    ASSERT_EQ(call("POST", "/v1/sandboxes/" + id + "/renew-expiration", R"({"expiresAt":")" + soon + "\"}").status, 200);
  ASSERT_TRUE(until([&] { return app_->catalogue().size() == 0; }));
  EXPECT_TRUE(runtime_->held.empty());
}

TEST_F(LifecycleTest, RenewalsSurviveARestart) {
  std::string shorter = create();
  std::string longer = create();
  auto soon = rfc3339_micros(now() + std::chrono::milliseconds(150));
  auto late = rfc3339_micros(now() + std::chrono::hours(5));
  call("POST", "/v1/sandboxes/" + shorter + "/renew-expiration", R"({"expiresAt":")" + soon + "\"}");
  call("POST", "/v1/sandboxes/" + longer + "/renew-expiration", R"({"expiresAt":")" + late + "\"}");
  end();
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  start();
  EXPECT_EQ(state(shorter), "404");
  EXPECT_FALSE(runtime_->held.contains(shorter));
  EXPECT_EQ(get(longer).member("expiresAt"), late);
}

TEST_F(LifecycleTest, ARenewalBeatsAnExpiryThatWaits) {
  std::string id = create();
  runtime_->close_gate();
  auto pause = begin("POST", "/v1/sandboxes/" + id + "/pause");  // holds the lock
  ASSERT_TRUE(until([&] { return runtime_->waiting == 1; }));
  auto soon = rfc3339_micros(now() + std::chrono::milliseconds(50));
  call("POST", "/v1/sandboxes/" + id + "/renew-expiration", R"({"expiresAt":")" + soon + "\"}");
  loop_->run_until_done(net::sleep_for(std::chrono::milliseconds(150)));  // the expiry waits for the lock now
  auto late = rfc3339_micros(now() + std::chrono::hours(1));
  ASSERT_EQ(call("POST", "/v1/sandboxes/" + id + "/renew-expiration", R"({"expiresAt":")" + late + "\"}").status, 200);
  runtime_->open_gate();
  ASSERT_TRUE(until([&] { return pause->status != 0; }));
  loop_->run_until_done(net::sleep_for(std::chrono::milliseconds(50)));
  EXPECT_EQ(state(id), "Paused");
}

TEST_F(LifecycleTest, AFailedExpiryIsTriedAgain) {
  std::string id = create();
  runtime_->destroy_failures = 1;
  auto soon = rfc3339_micros(now() + std::chrono::milliseconds(50));
  call("POST", "/v1/sandboxes/" + id + "/renew-expiration", R"({"expiresAt":")" + soon + "\"}");
  ASSERT_TRUE(until([&] { return app_->catalogue().size() == 0; }));
  EXPECT_EQ(runtime_->destroyed.size(), 2u);
}

TEST_F(LifecycleTest, EndsAreKeptWithTheirCause) {
  std::string good = create();
  std::string bad = create();
  std::string lost = create();
  runtime_->end(good, 0, "exit status 0");
  runtime_->end(bad, 137, "killed: out of memory");
  runtime_->end(lost, std::nullopt, "the launcher died");
  EXPECT_EQ(state(good), "Terminated");
  EXPECT_EQ(get(good).json().at("status").at("reason"), "CONTAINER_EXITED");
  EXPECT_EQ(state(bad), "Failed");
  EXPECT_THAT(message(bad), testing::AllOf(HasSubstr("137"), HasSubstr("out of memory")));
  EXPECT_EQ(state(lost), "Failed");
  EXPECT_THAT(message(lost), HasSubstr("the launcher died"));
  EXPECT_EQ(call("POST", "/v1/sandboxes/" + bad + "/pause").status, 409);
  EXPECT_EQ(call("DELETE", "/v1/sandboxes/" + bad).status, 204);
  EXPECT_FALSE(runtime_->held.contains(bad));
}

TEST_F(LifecycleTest, AnEntrypointThatEndsAtOnce) {
  runtime_->end_at_once = 4;
  Answer answer = call("POST", "/v1/sandboxes", create_body());
  EXPECT_EQ(answer.status, 202);
  EXPECT_EQ(answer.json().at("status").at("state"), "Failed");
  EXPECT_THAT(message(answer.member("id")), HasSubstr("4"));
}

TEST_F(LifecycleTest, FailedCreatesLeaveNothing) {
  struct Case {
    ErrorCode code;
    const char* wire;
    int status;
    const char* want;
  };
  for (auto [code, wire, status, want] : std::initializer_list<Case>{
           {ErrorCode::invalid, "", 400, "SANDBOX::INVALID_ENTRYPOINT"},
           {ErrorCode::exhausted, "", 429, "NATIVE::CAPACITY_EXHAUSTED"},
           {ErrorCode::unavailable, "", 503, "NATIVE::RUNTIME_UNAVAILABLE"},
           {ErrorCode::internal, "", 500, "DOCKER::SANDBOX_START_FAILED"},
           {ErrorCode::not_found, "", 500, "DOCKER::SANDBOX_START_FAILED"},
           {ErrorCode::exhausted, "NATIVE::MEMORY", 429, "NATIVE::MEMORY"}}) {
    runtime_->create_failure.emplace(code, "starting nope: no such program", wire);
    Answer answer = call("POST", "/v1/sandboxes", create_body());
    EXPECT_EQ(answer.status, status);
    EXPECT_EQ(answer.code(), want);
    EXPECT_THAT(answer.member("message"), HasSubstr("nope"));
    EXPECT_EQ(answer.headers.has("Retry-After"), status == 429 || status == 503);
  }
  EXPECT_EQ(app_->catalogue().size(), 0u);
  EXPECT_EQ(rows(), 0u);
}

TEST_F(LifecycleTest, AFailedCleanUpIsTriedAgain) {
  runtime_->create_failure.emplace(ErrorCode::internal, "mounting: busy");
  runtime_->destroy_failures = 1;
  EXPECT_EQ(call("POST", "/v1/sandboxes", create_body()).status, 500);
  EXPECT_EQ(app_->catalogue().size(), 1u);
  ASSERT_TRUE(until([&] { return app_->catalogue().size() == 0; }));
  EXPECT_EQ(rows(), 0u);
}

TEST_F(LifecycleTest, AFailedDeleteKeepsTheSandbox) {
  std::string id = create();
  runtime_->destroy_failures = 1;
  Answer answer = call("DELETE", "/v1/sandboxes/" + id);
  EXPECT_EQ(answer.status, 500);
  EXPECT_EQ(answer.code(), "DOCKER::SANDBOX_DELETE_FAILED");
  EXPECT_EQ(state(id), "Running");
  EXPECT_EQ(call("DELETE", "/v1/sandboxes/" + id).status, 204);
}

TEST_F(LifecycleTest, DeleteDuringCreate) {
  runtime_->close_gate();
  auto created = begin("POST", "/v1/sandboxes", create_body());
  ASSERT_TRUE(until([&] { return runtime_->waiting == 1; }));
  std::string id = runtime_->specs.at(0).id;
  EXPECT_EQ(state(id), "Pending");
  EXPECT_EQ(call("GET", "/v1/sandboxes/" + id + "/endpoints/44772").status, 409);
  auto deleted = begin("DELETE", "/v1/sandboxes/" + id);
  auto again = begin("DELETE", "/v1/sandboxes/" + id);
  runtime_->open_gate();
  ASSERT_TRUE(until([&] { return created->status && deleted->status && again->status; }));
  EXPECT_EQ(created->status, 202);
  EXPECT_EQ(deleted->status + again->status, 204 + 404);
  EXPECT_TRUE(runtime_->held.empty());
  EXPECT_EQ(rows(), 0u);
}

TEST_F(LifecycleTest, DeleteDuringACreateThatFails) {
  runtime_->close_gate();
  runtime_->create_failure.emplace(ErrorCode::invalid, "no such program");
  auto created = begin("POST", "/v1/sandboxes", create_body());
  ASSERT_TRUE(until([&] { return runtime_->waiting == 1; }));
  auto deleted = begin("DELETE", "/v1/sandboxes/" + runtime_->specs.at(0).id);
  runtime_->open_gate();
  ASSERT_TRUE(until([&] { return created->status && deleted->status; }));
  EXPECT_EQ(created->status, 400);
  EXPECT_EQ(deleted->status, 404);
}

TEST_F(LifecycleTest, OperationsDuringDelete) {
  std::string id = create();
  std::string base = "/v1/sandboxes/" + id;
  runtime_->close_gate();
  auto deleted = begin("DELETE", base);
  ASSERT_TRUE(until([&] { return runtime_->waiting == 1; }));
  EXPECT_EQ(state(id), "Stopping");
  EXPECT_EQ(call("PATCH", base + "/metadata", "{}").status, 404);
  EXPECT_EQ(call("POST", base + "/renew-expiration",
                 R"({"expiresAt":")" + rfc3339_micros(now() + std::chrono::hours(1)) + "\"}").status, 404);
  auto again = begin("DELETE", base);
  auto paused = begin("POST", base + "/pause");
  runtime_->open_gate();
  ASSERT_TRUE(until([&] { return deleted->status && again->status && paused->status; }));
  EXPECT_EQ(deleted->status, 204);
  EXPECT_EQ(again->status, 404);
  EXPECT_EQ(paused->status, 404);
  EXPECT_EQ(runtime_->destroyed.size(), 1u);
}

TEST_F(LifecycleTest, AnEndDuringPauseWins) {
  std::string id = create();
  runtime_->close_gate();
  auto paused = begin("POST", "/v1/sandboxes/" + id + "/pause");
  ASSERT_TRUE(until([&] { return runtime_->waiting == 1; }));
  runtime_->end(id, 0, "exit status 0");
  runtime_->open_gate();
  ASSERT_TRUE(until([&] { return paused->status != 0; }));
  EXPECT_EQ(state(id), "Terminated");
}

TEST_F(LifecycleTest, ManyCreatesAtOnce) {
  runtime_->close_gate();
  std::vector<std::shared_ptr<Answer>> answers;
  for (int i = 0; i < 100; i++) answers.push_back(begin("POST", "/v1/sandboxes", create_body()));
  ASSERT_TRUE(until([&] { return runtime_->waiting == 100; }));
  EXPECT_EQ(call("GET", "/v1/sandboxes?state=pending").json().at("pagination").at("totalItems"), 100);
  runtime_->open_gate();
  ASSERT_TRUE(until([&] {
    return std::all_of(answers.begin(), answers.end(), [](const auto& answer) { return answer->status != 0; });
  }));
  std::set<std::string> ids;
  for (const auto& answer : answers) {
    EXPECT_EQ(answer->status, 202);
    ids.insert(answer->member("id"));
  }
  EXPECT_EQ(ids.size(), 100u);
  EXPECT_EQ(runtime_->held.size(), 100u);
  EXPECT_EQ(rows(), 100u);
}

TEST_F(LifecycleTest, AServerKilledInTheMiddleLeavesNothing) {
  runtime_->close_gate();
  begin("POST", "/v1/sandboxes", create_body());
  ASSERT_TRUE(until([&] { return runtime_->waiting == 1; }));
  std::string id = runtime_->specs.at(0).id;
  hold(id, runtime::State::running);  // the runtime had made it
  restart();
  EXPECT_TRUE(runtime_->held.empty());
  EXPECT_EQ(state(id), "404");
}

TEST_F(LifecycleTest, LimitsRequestsAtATime) {
  config_.limit_concurrency = 2;
  runtime_->close_gate();
  auto first = begin("POST", "/v1/sandboxes", create_body());
  auto second = begin("POST", "/v1/sandboxes", create_body());
  ASSERT_TRUE(until([&] { return runtime_->waiting == 2; }));
  Answer third = call("GET", "/v1/sandboxes");
  EXPECT_EQ(third.status, 503);
  EXPECT_EQ(third.code(), "SERVER_BUSY");
  EXPECT_EQ(call("GET", "/health").status, 200);
  runtime_->open_gate();
  ASSERT_TRUE(until([&] { return first->status && second->status; }));
  EXPECT_EQ(call("GET", "/v1/sandboxes").status, 200);
}

TEST_F(LifecycleTest, StopsInGoodOrder) {
  runtime_->close_gate();
  auto created = begin("POST", "/v1/sandboxes", create_body());
  ASSERT_TRUE(until([&] { return runtime_->waiting == 1; }));
  bool stopped = false;
  net::spawn(loop_->executor(), "stop", stop(*app_, stopped));
  runtime_->open_gate();
  ASSERT_TRUE(until([&] { return stopped && created->status != 0; }));
  EXPECT_EQ(created->status, 202);
  EXPECT_EQ(runtime_->held.size(), 1u);  // it lives on
  restart();
  EXPECT_EQ(app_->catalogue().size(), 1u);
}

}  // namespace
}  // namespace osb::server
