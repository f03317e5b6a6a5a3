#include <thread>

#include "world.h"

namespace opensandbox {

static void wait_for(const Pool& pool, int idle) {
  for (int i = 0; i < 400 && pool.state().idle != idle; i++) std::this_thread::sleep_for(25ms);
  ASSERT_EQ(pool.state().idle, idle) << pool.state().last_error;
}

TEST(PoolTest, hands_out_prepared_sandboxes_and_makes_new_ones) {
  Pool pool({.create = {.image = "host", .metadata = {{"pool", "one"}}},
             .idle = 2,
             .prepare = [](Sandbox& sandbox) { sandbox.files().write("/tmp/prepared", "yes"); }});
  wait_for(pool, 2);
  auto sandbox = pool.acquire();
  EXPECT_EQ(sandbox.files().read("/tmp/prepared"), "yes");
  EXPECT_EQ(pool.state().lent, 1);
  wait_for(pool, 2);
  pool.discard(sandbox);
  for (int i = 0; i < 400 && attempt([&] { return sandbox.info(); }).ok(); i++)
    std::this_thread::sleep_for(25ms);
  EXPECT_EQ(code_of([&] { sandbox.info(); }), ErrorCode::not_found);
}

TEST(PoolTest, passes_over_what_has_died_and_kills_all_at_its_end) {
  std::vector<std::string> ids;
  {
    Pool pool({.create = {.image = "host", .metadata = {{"pool", "two"}}}, .idle = 2, .check_every = 0ms});
    wait_for(pool, 2);
    for (const auto& info : Manager().list({.metadata = {{"pool", "two"}}}).items) Manager().kill(info.id);
    auto sandbox = pool.acquire(WhenEmpty::wait);
    EXPECT_EQ(sandbox.commands().run("echo fresh").text(), "fresh");
    ids.push_back(sandbox.id());
    pool.release(std::move(sandbox));
  }
  EXPECT_EQ(code_of([&] { Manager().get(ids[0]); }), ErrorCode::not_found);
  EXPECT_TRUE(Manager().list({.states = {"Running"}, .metadata = {{"pool", "two"}}}).items.empty());
}

TEST(PoolTest, tells_why_it_is_empty) {
  Pool pool({.create = {.image = "no such image"}, .idle = 1});
  EXPECT_EQ(code_of([&] { pool.acquire(WhenEmpty::fail); }), ErrorCode::pool_empty);
  EXPECT_EQ(code_of([&] { pool.acquire(); }), ErrorCode::refused);
  for (int i = 0; i < 400 && pool.state().failures == 0; i++) std::this_thread::sleep_for(25ms);
  EXPECT_THAT(pool.state().last_error, testing::HasSubstr("no such image"));
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(code_of([&] { pool.acquire(WhenEmpty::wait, stop.get_token()); }), ErrorCode::cancelled);
  EXPECT_EQ(code_of([] { Pool({.create = {.image = "host", .timeout = std::nullopt}}); }),
            ErrorCode::invalid_argument);
}

}  // namespace opensandbox
