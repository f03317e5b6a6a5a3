// Deadlines, renewals, and removals that fail at first.
#include <gmock/gmock.h>

#include "server/server_fixture.h"

namespace osb::server {
namespace {

using testing::Contains;
using testing::HasSubstr;

class ExpiryTest : public ServerFixture {};

TEST_F(ExpiryTest, ExpiresAndStaysExpired) {
  std::string id = create();
  std::string other = create();
  auto soon = rfc3339_micros(now() + std::chrono::milliseconds(300));
  ASSERT_EQ(
      call("POST", "/v1/sandboxes/" + id + "/renew-expiration", R"({"expiresAt":")" + soon + "\"}").status,
      200);
  EXPECT_EQ(state(id), "Running");
  ASSERT_TRUE(until([&] { return !app_->catalogue().find(id); }));
  EXPECT_EQ(state(id), "404");
  EXPECT_FALSE(runtime_->held.contains(id));
  EXPECT_EQ(state(other), "Running");
  EXPECT_EQ(rows(), 1u);
}

TEST_F(ExpiryTest, ExpiresWhilePausedAndAfterItsEnd) {
  std::string paused = create();
  std::string ended = create();
  call("POST", "/v1/sandboxes/" + paused + "/pause");
  runtime_->end(ended, 0, "exit status 0");
  auto soon = rfc3339_micros(now() + std::chrono::milliseconds(200));
  for (const std::string& id : {paused, ended})
    ASSERT_EQ(
        call("POST", "/v1/sandboxes/" + id + "/renew-expiration", R"({"expiresAt":")" + soon + "\"}").status,
        200);
  ASSERT_TRUE(until([&] { return app_->catalogue().size() == 0; }));
  EXPECT_TRUE(runtime_->held.empty());
}

TEST_F(ExpiryTest, ARenewalBeatsAnExpiryThatWaits) {
  std::string id = create();
  runtime_->close_gate();
  auto pause = begin("POST", "/v1/sandboxes/" + id + "/pause");  // holds the lock
  ASSERT_TRUE(until([&] { return runtime_->waiting == 1; }));
  auto soon = rfc3339_micros(now() + std::chrono::milliseconds(50));
  call("POST", "/v1/sandboxes/" + id + "/renew-expiration", R"({"expiresAt":")" + soon + "\"}");
  loop_->run_until_done(net::sleep_for(std::chrono::milliseconds(150)));  // the expiry waits for the lock now
  auto late = rfc3339_micros(now() + std::chrono::hours(1));
  ASSERT_EQ(
      call("POST", "/v1/sandboxes/" + id + "/renew-expiration", R"({"expiresAt":")" + late + "\"}").status,
      200);
  runtime_->open_gate();
  ASSERT_TRUE(until([&] { return pause->status != 0; }));
  loop_->run_until_done(net::sleep_for(std::chrono::milliseconds(50)));
  EXPECT_EQ(state(id), "Paused");
}

TEST_F(ExpiryTest, AFailedExpiryIsTriedAgain) {
  std::string id = create();
  runtime_->destroy_failures = 1;
  auto soon = rfc3339_micros(now() + std::chrono::milliseconds(50));
  call("POST", "/v1/sandboxes/" + id + "/renew-expiration", R"({"expiresAt":")" + soon + "\"}");
  ASSERT_TRUE(until([&] { return app_->catalogue().size() == 0; }));
  EXPECT_EQ(runtime_->destroyed.size(), 2u);
}

}  // namespace
}  // namespace osb::server
