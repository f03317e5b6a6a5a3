#include "execd/lifecycle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/error.h"
#include "execd/hooks.h"
#include "net/loop.h"
#include "net/timer.h"

namespace osb::execd {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

constexpr const char* kBoth =
    R"({"preStart":{"command":["sh","-c","a \"b\" 'c' \\ \n"],"timeoutSeconds":7},)"
    R"("periodic":[{"name":"n","schedule":"1m30s","command":["true"]},)"
    R"({"name":"m","schedule":"@every 5s","command":["x","y"],"timeoutSeconds":300}]})";

TEST(LifecycleText, ReadsHooksWithTheirDefaults) {
  Lifecycle lifecycle = parse_lifecycle(json::parse(kBoth));
  ASSERT_TRUE(lifecycle.pre_start);
  EXPECT_EQ(lifecycle.pre_start->timeout, 7s);
  ASSERT_EQ(lifecycle.periodic.size(), 2u);
  EXPECT_EQ(lifecycle.periodic[0].every, 90s);
  EXPECT_EQ(lifecycle.periodic[0].hook.timeout, 60s);
  EXPECT_EQ(lifecycle.periodic[1].every, 5s);
  EXPECT_TRUE(parse_lifecycle(json::parse("{}")).empty());
}

TEST(LifecycleText, RefusesWhatCannotBeRun) {
  for (
      const char* text :
      {"[]", R"({"preStart":[]})", R"({"preStart":{}})", R"({"preStart":{"command":[]}})",
       R"({"preStart":{"command":[1]}})", R"({"preStart":{"command":[""]}})",
       R"({"preStart":{"command":"true"}})", R"({"preStart":{"command":["a"],"timeoutSeconds":0}})",
       R"({"preStart":{"command":["a"],"timeoutSeconds":10801}})", R"({"periodic":{}})",
       R"({"periodic":[{"schedule":"5s","command":["a"]}]})",
       R"({"periodic":[{"name":"n","command":["a"]}]})",
       R"({"periodic":[{"name":"n","schedule":"often","command":["a"]}]})",
       R"({"periodic":[{"name":"n","schedule":"10ms","command":["a"]}]})",
       R"({"periodic":[{"name":"n","schedule":"* * * * *","command":["a"]}]})",
       R"({"periodic":[{"name":"n","schedule":"5s","command":["a"],"timeoutSeconds":301}]})",
       R"({"periodic":[{"name":"n","schedule":"5s","command":["a"]},{"name":"n","schedule":"5","command":["a"]}]})"})
    EXPECT_THROW(parse_lifecycle(json::parse(text)), Error) << text;
}

TEST(LifecycleText, TheFileHoldsTheSame) {
  Lifecycle lifecycle = parse_lifecycle(json::parse(kBoth));
  Lifecycle again = parse_lifecycle_toml(lifecycle_toml(lifecycle));
  EXPECT_EQ(again.pre_start->command, lifecycle.pre_start->command);
  EXPECT_EQ(again.pre_start->timeout, 7s);
  ASSERT_EQ(again.periodic.size(), 2u);
  EXPECT_EQ(again.periodic[1].name, "m");
  EXPECT_EQ(again.periodic[0].every, 90s);
  EXPECT_EQ(again.periodic[1].hook.timeout, 300s);
  for (const char* bad : {"a = ", "[preStart", "[preStart]\ncommand = 5\n", "preStart = 1\n"})
    EXPECT_THROW(parse_lifecycle_toml(bad), Error) << bad;
}

class LifecycleFile : public ::testing::Test {
 protected:
  LifecycleFile() : home_("/tmp/execd_lifecycle_test." + std::to_string(::getpid())) {
    std::filesystem::create_directory(home_);
  }
  ~LifecycleFile() override { std::filesystem::remove_all(home_); }
  std::string home_;
};

TEST_F(LifecycleFile, IsWrittenForTheNextStartAndReadThere) {
  EXPECT_TRUE(lifecycle_of({{"HOME", home_}}).empty());
  EXPECT_TRUE(lifecycle_of({{"HOME", home_}, {"OPENSANDBOX_LIFECYCLE", kBoth}}).pre_start);
  EXPECT_EQ(lifecycle_of({{"HOME", home_}}).periodic.size(), 2u);
  std::string file = home_ + "/.execd/lifecycle.toml";
  EXPECT_EQ(lifecycle_of({{"EXECD_LIFECYCLE_CONFIG", file}}).periodic.size(), 2u);
  ::chmod(file.c_str(), 0666);  // others could have written it
  EXPECT_TRUE(lifecycle_of({{"HOME", home_}}).empty());
  std::filesystem::rename(file, file + ".real");
  ::chmod((file + ".real").c_str(), 0600);
  std::filesystem::create_symlink(file + ".real", file);
  EXPECT_TRUE(lifecycle_of({{"HOME", home_}}).empty());
}

TEST_F(LifecycleFile, HooksThatAreNotUnderstoodAreNoStart) {
  EXPECT_THROW(lifecycle_of({{"OPENSANDBOX_LIFECYCLE", "{"}}), Error);
  EXPECT_THROW(lifecycle_of({{"OPENSANDBOX_LIFECYCLE", R"({"preStart":{}})"}}), Error);
}

class HooksTest : public LifecycleFile {
 protected:
  HooksTest() : reaper_(loop_.executor()) {
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    CommandDefaults defaults;
    defaults.environment = {{"PATH", "/usr/bin:/bin"}, {"X", "1"}};
    defaults.cwd = home_;
    hooks_ = std::make_unique<Hooks>(loop_.executor(), reaper_, defaults);
  }
  static net::task<> run(Hooks* hooks, Hook hook, std::string* failure) {
    try {
      co_await hooks->run(std::move(hook), "h");
    } catch (const Error& error) {
      *failure = error.message();
    }
  }
  std::string run(const std::string& script, std::chrono::seconds timeout = 60s) {
    std::string failure;
    loop_.run_until_done(run(hooks_.get(), {{"sh", "-c", script}, timeout}, &failure));
    return failure;
  }
  std::string text(const std::string& name) {
    std::ostringstream out;
    out << std::ifstream(home_ + "/" + name).rdbuf();
    return out.str();
  }
  net::Loop loop_;
  Reaper reaper_;
  std::unique_ptr<Hooks> hooks_;
};

TEST_F(HooksTest, RunsWithTheEnvironmentOfCommandsAndTellsItsEnd) {
  EXPECT_EQ(run("echo $X $Y $(cat /proc/self/oom_score_adj) > out"), "");
  EXPECT_EQ(text("out"), "1 500\n");
  hooks_->add_environment({{"Y", "2"}});
  EXPECT_EQ(run("echo $X $Y > out"), "");
  EXPECT_EQ(text("out"), "1 2\n");
  EXPECT_THAT(run("exit 3"), HasSubstr("exit status 3"));
  EXPECT_THAT(run("kill -9 $$"), HasSubstr("killed"));
}

TEST_F(HooksTest, IsKilledWithAllThatItStartedWhenItsTimeIsOver) {
  EXPECT_THAT(run("setsid sleep 1007 & echo $! > pid; sleep 1008", 1s), HasSubstr("its time is over"));
  pid_t escaped = std::stoi(text("pid"));
  for (int i = 0; i < 1000 && ::kill(escaped, 0) == 0; ++i) loop_.run_until_done(net::sleep_for(10ms));
  EXPECT_NE(::kill(escaped, 0), 0);
}

TEST_F(HooksTest, APeriodicHookComesAgainAndNeverOverlapsItself) {
  // Each run holds a lock for longer than its period.
  Hook hook{{"sh", "-c", "mkdir lock || echo overlap >> runs; sleep 0.15; rmdir lock; echo run >> runs"},
            60s};
  hooks_->start_periodic({{"p", 50ms, hook}});
  auto runs = [&] { return text("runs").size() / 4; };
  for (int i = 0; i < 2000 && runs() < 3; ++i) loop_.run_until_done(net::sleep_for(10ms));
  EXPECT_GE(runs(), 3u);
  EXPECT_THAT(text("runs"), ::testing::Not(HasSubstr("overlap")));
  hooks_->start_periodic({});
  loop_.run_until_done(net::sleep_for(300ms));
  size_t before = runs();
  loop_.run_until_done(net::sleep_for(300ms));
  EXPECT_EQ(runs(), before);
}

}  // namespace
}  // namespace osb::execd
