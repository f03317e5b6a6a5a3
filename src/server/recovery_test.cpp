// A server over the journal of an earlier one.
#include <gmock/gmock.h>

#include "server/server_fixture.h"

namespace osb::server {
namespace {

using testing::Contains;
using testing::HasSubstr;

class RecoveryTest : public ServerFixture {};

TEST_F(RecoveryTest, ARestartedServerAdoptsWhatRuns) {
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

TEST_F(RecoveryTest, TheRuntimeKnowsBestAfterARestart) {
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
  EXPECT_THAT(call("GET", "/v1/sandboxes/ran/endpoints/80").body,
              HasSubstr("127.0.0.1:80"));  // the new address
  restart();                               // and it stays so
  EXPECT_EQ(state("lost"), "Failed");
  EXPECT_EQ(state("ended"), "Failed");
}

TEST_F(RecoveryTest, UnfinishedAndUnknownSandboxesAreRemoved) {
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

TEST_F(RecoveryTest, OneThatCannotBeRemovedDoesNotHoldUpTheOthers) {
  std::string good = create();
  end();
  journal("stuck", store::Phase::running, std::chrono::seconds(-5));
  hold("stuck", runtime::State::running);
  hold("strange", runtime::State::running);
  start(false);
  runtime_->destroy_failures = 1'000'000;
  net::spawn(loop_->executor(), "recovery", app_->recover());
  ASSERT_TRUE(until([&] { return app_->catalogue().size() == 3; }));
  EXPECT_EQ(call("GET", "/health").status, 200);
  EXPECT_EQ(state(good), "Running");
  EXPECT_EQ(state("stuck"), "Stopping");
  EXPECT_EQ(rows(), 3u) << "a server that is killed now must not forget them";
  runtime_->destroy_failures = 0;
  ASSERT_TRUE(until([&] { return app_->catalogue().size() == 1; }));
  EXPECT_EQ(rows(), 1u);
}

TEST_F(RecoveryTest, AnEndDuringRecoveryIsNotLost) {
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

TEST_F(RecoveryTest, HealthTellsWhenSandboxesAreTakenOver) {
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

TEST_F(RecoveryTest, RenewalsSurviveARestart) {
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

TEST_F(RecoveryTest, AServerKilledInTheMiddleLeavesNothing) {
  runtime_->close_gate();
  begin("POST", "/v1/sandboxes", create_body());
  ASSERT_TRUE(until([&] { return runtime_->waiting == 1; }));
  std::string id = runtime_->specs.at(0).id;
  hold(id, runtime::State::running);  // the runtime had made it
  restart();
  EXPECT_TRUE(runtime_->held.empty());
  EXPECT_EQ(state(id), "404");
}

TEST_F(RecoveryTest, StopsInGoodOrder) {
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
