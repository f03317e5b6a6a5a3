#include <thread>

#include "world.h"

namespace opensandbox {

using SandboxTest = World;

TEST_F(SandboxTest, tells_what_it_is_and_where) {
  auto info = sandbox().info();
  EXPECT_EQ(info.id, sandbox().id());
  EXPECT_EQ(info.status.state, "Running");
  EXPECT_EQ(info.image, "host");
  EXPECT_THAT(info.entrypoint, testing::ElementsAre("tail", "-f", "/dev/null"));
  ASSERT_TRUE(info.created_at && info.expires_at);
  EXPECT_NEAR((*info.expires_at - *info.created_at) / 1s, 600, 5);
  EXPECT_TRUE(sandbox().endpoint(8000).address.ends_with(":8000"));
  EXPECT_TRUE(sandbox().healthy());
  EXPECT_GT(sandbox().metrics().cpu_count, 0);
}

TEST_F(SandboxTest, is_renewed_labelled_and_found) {
  auto until = sandbox().renew(1800s);
  EXPECT_GT(until, std::chrono::system_clock::now() + 1700s);
  EXPECT_EQ(sandbox().patch_metadata({{"team", "blue"}}).metadata.at("team"), "blue");
  Manager manager;
  auto found = manager.list({.states = {"running"}, .metadata = {{"team", "blue"}}});
  ASSERT_EQ(found.items.size(), 1u);
  EXPECT_EQ(found.items[0].id, sandbox().id());
  EXPECT_EQ(found.page.items, 1);
  int seen = 0;
  manager.each({.metadata = {{"team", "blue"}}, .page_size = 1}, [&](const SandboxInfo&) { ++seen; });
  EXPECT_EQ(seen, 1);
  EXPECT_TRUE(sandbox().patch_metadata({{"team", std::nullopt}}).metadata.empty());
  EXPECT_TRUE(manager.healthy());
}

TEST_F(SandboxTest, is_paused_and_resumed_and_connected_to) {
  sandbox().pause();
  EXPECT_EQ(sandbox().info().status.state, "Paused");
  EXPECT_EQ(code_of([&] { sandbox().pause(); }), ErrorCode::conflict);
  auto awake = Sandbox::resume(sandbox().id());
  EXPECT_EQ(awake.commands().run("echo again").text(), "again");
  EXPECT_EQ(Sandbox::connect(sandbox().id()).commands().run("echo here").text(), "here");
}

TEST_F(SandboxTest, is_gone_when_it_was_killed) {
  std::string id = sandbox().id();
  sandbox().kill();
  auto again = attempt([&] { sandbox().kill(); });
  ASSERT_FALSE(again.ok());
  EXPECT_EQ(again.error().code(), ErrorCode::not_found);
  EXPECT_EQ(again.error().status(), 404);
  EXPECT_FALSE(again.error().request_id().empty());
  EXPECT_THAT(again.error().message(), testing::HasSubstr(id));
  EXPECT_EQ(code_of([&] { Sandbox::connect(id); }), ErrorCode::not_found);
}

TEST_F(SandboxTest, is_reached_by_way_of_the_server) {
  ConnectionConfig config;
  config.use_server_proxy = true;
  auto same = Sandbox::connect(sandbox().id(), config);
  EXPECT_EQ(same.commands().run("echo by proxy").text(), "by proxy");
  same.files().write("/tmp/by-proxy", std::string(200'000, 'x'));
  EXPECT_EQ(same.files().read("/tmp/by-proxy").size(), 200'000u);
  auto terminal = same.terminals().open("echo by proxy");
  std::string printed;
  while (auto output = terminal.read(10s)) printed += output->data;
  EXPECT_THAT(printed, testing::HasSubstr("by proxy"));
}

TEST_F(SandboxTest, that_does_not_become_ready_is_killed) {
  CreateOptions options{.image = "host", .metadata = {{"never", "ready"}}};
  options.readiness.timeout = 100ms;
  options.readiness.check = [](Sandbox&) { return false; };
  EXPECT_EQ(code_of([&] { Sandbox::create(options); }), ErrorCode::not_ready);
  std::stop_source stop;
  options.readiness.timeout = 60s;
  options.readiness.check = [&](Sandbox&) {
    stop.request_stop();
    return false;
  };
  EXPECT_EQ(code_of([&] { Sandbox::create(options, {}, stop.get_token()); }), ErrorCode::cancelled);
  for (const auto& left : Manager().list({.metadata = {{"never", "ready"}}}).items)
    EXPECT_NE(left.status.state, "Running");
}

TEST_F(SandboxTest, watches_its_metrics_until_it_is_stopped) {
  std::stop_source stop;
  int samples = 0;
  sandbox().watch_metrics(
      [&](const Metrics& sample) {
        EXPECT_GT(sample.memory_total_mib, 0);
        if (++samples == 2) stop.request_stop();
      },
      stop.get_token());
  EXPECT_EQ(samples, 2);
}

TEST(Create, that_cannot_be_meant_is_not_sent) {
  EXPECT_EQ(code_of([] { Sandbox::create({}); }), ErrorCode::invalid_argument);
  EXPECT_EQ(code_of([] { Sandbox::create({.image = "a", .snapshot_id = "b"}); }),
            ErrorCode::invalid_argument);
  EXPECT_EQ(code_of([] { Sandbox::create({.image = "no such image"}); }), ErrorCode::refused);
}

TEST(Connections, are_refused_with_the_address_in_the_message) {
  ConnectionConfig config;
  config.domain = "127.0.0.1:1";
  config.retries.max_retries = 0;
  auto result = attempt([&] { Manager(config).list(); });
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code(), ErrorCode::unreachable);
  EXPECT_THAT(result.error().message(), testing::HasSubstr("http://127.0.0.1:1"));
}

}  // namespace opensandbox
