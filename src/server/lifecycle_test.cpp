// Operations that meet each other, ends, and failures of the runtime.
#include <gmock/gmock.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "server/server_fixture.h"

namespace osb::server {
namespace {

using testing::Contains;
using testing::HasSubstr;

class LifecycleTest : public ServerFixture {};

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
  for (auto [code, wire, status, want] :
       std::initializer_list<Case>{{ErrorCode::invalid, "", 400, "SANDBOX::INVALID_ENTRYPOINT"},
                                   {ErrorCode::exhausted, "", 429, "NATIVE::CAPACITY_EXHAUSTED"},
                                   {ErrorCode::unavailable, "", 503, "NATIVE::RUNTIME_UNAVAILABLE"},
                                   {ErrorCode::internal, "", 500, "DOCKER::SANDBOX_START_FAILED"},
                                   {ErrorCode::not_found, "", 500, "DOCKER::SANDBOX_START_FAILED"},
                                   {ErrorCode::too_large, "", 400, "SANDBOX::INVALID_PARAMETER"},
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

TEST_F(LifecycleTest, TheCauseOfA500IsLoggedUnderItsRequest) {
  Fd log(::memfd_create("log", MFD_CLOEXEC));
  configure_log(LogLevel::error, log.get(), "test");
  runtime_->create_failure.emplace(ErrorCode::internal, "mounting: busy");
  EXPECT_EQ(call("POST", "/v1/sandboxes", create_body(), {{"X-Request-ID", "r-17"}}).status, 500);
  configure_log(LogLevel::info, 2, "");
  std::string text(4096, '\0');
  text.resize(static_cast<size_t>(std::max<ssize_t>(0, ::pread(log.get(), text.data(), text.size(), 0))));
  EXPECT_THAT(text, testing::AllOf(HasSubstr("\"r-17\""), HasSubstr("mounting: busy")));
}

TEST_F(LifecycleTest, AFailedCleanUpIsTriedAgain) {
  runtime_->create_failure.emplace(ErrorCode::internal, "mounting: busy");
  runtime_->destroy_failures = 1;
  EXPECT_EQ(call("POST", "/v1/sandboxes", create_body()).status, 500);
  EXPECT_EQ(app_->catalogue().size(), 1u);
  ASSERT_TRUE(until([&] { return app_->catalogue().size() == 0; }));
  EXPECT_EQ(rows(), 0u);
}

TEST_F(LifecycleTest, AFailedDeleteDoesNotEndTheRetriesOfACleanUp) {
  runtime_->create_failure.emplace(ErrorCode::internal, "mounting: busy");
  runtime_->destroy_failures = 2;
  EXPECT_EQ(call("POST", "/v1/sandboxes", create_body()).status, 500);
  EXPECT_EQ(call("DELETE", "/v1/sandboxes/" + runtime_->specs.at(0).id).status, 500);
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
                 R"({"expiresAt":")" + rfc3339_micros(now() + std::chrono::hours(1)) + "\"}")
                .status,
            404);
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
    return std::all_of(answers.begin(), answers.end(),
                       [](const auto& answer) { return answer->status != 0; });
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

}  // namespace
}  // namespace osb::server
