#include "execd/standalone_options.h"

#include <gtest/gtest.h>
#include <string.h>

#include "base/error.h"
#include "execd/duration_text.h"

namespace osb::execd {
namespace {

using namespace std::chrono_literals;
using Words = std::vector<std::string>;

StandaloneOptions options_of(const Words& arguments, Environment environment = {}) {
  return parse_standalone_options(arguments, std::move(environment));
}

TEST(DurationText, IsThatOfGo) {
  EXPECT_EQ(parse_duration("1m30s"), 90s);
  EXPECT_EQ(parse_duration("50ms"), 50ms);
  EXPECT_EQ(parse_duration("1.5h"), 90min);
  EXPECT_EQ(parse_duration(".5s"), 500ms);
  EXPECT_EQ(parse_duration("-2s"), -2s);
  EXPECT_EQ(parse_duration("+3us"), 3us);
  EXPECT_EQ(parse_duration("7µs"), 7us);
  EXPECT_EQ(parse_duration("1h2m3s4ms5us6ns"), 1h + 2min + 3s + 4ms + 5us + 6ns);
  EXPECT_EQ(parse_duration("0"), 0s);
  for (const char* bad :
       {"", "1", "s", "1x", "1.2.3s", " 1s", "1s ", "--1s", ".", "-", "1e3s", "9999999999h"})
    EXPECT_FALSE(parse_duration(bad)) << bad;
}

TEST(StandaloneOptions, DashesAndFormsOfValues) {
  for (const Words& words :
       {Words{"--port", "81"}, Words{"-port", "81"}, Words{"--port=81"}, Words{"-port=81"}})
    EXPECT_EQ(options_of(words).port, 81);
  EXPECT_EQ(options_of({}).port, 44772);
  EXPECT_EQ(options_of({"-graceful-shutdown-timeout=1m30s"}).grace, 90s);
  EXPECT_EQ(options_of({}).grace, 200ms);
  EXPECT_EQ(options_of({"--access-token=a=b"}).token, "a=b");
  EXPECT_TRUE(options_of({"--runtime-init"}).wait_for_init);
  EXPECT_FALSE(options_of({"--runtime-init=false"}, {{"EXECD_RUNTIME_INIT", "1"}}).wait_for_init);
  EXPECT_TRUE(options_of({"-h"}).help);
  EXPECT_TRUE(options_of({"--version"}).version);
  EXPECT_EQ(options_of({"--log-level", "4"}).log_level, LogLevel::warn);
  EXPECT_EQ(options_of({"--log-level", "7"}).log_level, LogLevel::debug);
  EXPECT_EQ(options_of({"--log-level", "debug"}).log_level, LogLevel::debug);
  EXPECT_NO_THROW(
      options_of({"--jupyter-host", "x", "--jupyter-token=y", "-jupyter-idle-poll-interval", "1s"}));
}

TEST(StandaloneOptions, FlagsBeatTheEnvironment) {
  Environment environment = {{"EXECD_ACCESS_TOKEN", "env"}, {"EXECD_API_GRACE_SHUTDOWN", "50ms"}};
  EXPECT_EQ(options_of({}, environment).token, "env");
  EXPECT_EQ(options_of({}, environment).grace, 50ms);
  EXPECT_EQ(options_of({"--access-token", "flag", "--graceful-shutdown-timeout", "0"}, environment).token,
            "flag");
  EXPECT_EQ(options_of({"--graceful-shutdown-timeout", "0"}, environment).grace, 0ms);
}

TEST(StandaloneOptions, WhatIsNotUnderstoodIsAUsageError) {
  for (const Words& words :
       {Words{"--bogus"}, Words{"--bogus=1"}, Words{"--port"}, Words{"--port", "x"}, Words{"--port=70000"},
        Words{"---port"}, Words{"word"}, Words{"--log-level=loud"}, Words{"--graceful-shutdown-timeout=5"},
        Words{"--init=perhaps"}, Words{"--", "word"}})
    EXPECT_THROW(options_of(words), UsageError) << words[0];
  EXPECT_THROW(options_of({}, {{"EXECD_API_GRACE_SHUTDOWN", "soon"}}), UsageError);
  EXPECT_THROW(options_of({}, {{"JUPYTER_HOST", "localhost:1"}}), UsageError);
  EXPECT_THROW(options_of({}, {{"EXECD_JUPYTER_IDLE_POLL_INTERVAL", "x"}}), UsageError);
  EXPECT_THROW(options_of({}, {{"EXECD_CLONE3_COMPAT", "perhaps"}}), Error);
  EXPECT_TRUE(options_of({}, {{"EXECD_CLONE3_COMPAT", "reexec"}}).clone3_compat);
}

TEST(StandaloneOptions, TheCommandToWrap) {
  for (const Words& words :
       {Words{"init", "--", "prog", "--port", "1"}, Words{"--init", "--", "prog", "--port", "1"},
        Words{"init", "prog", "--port", "1"}, Words{"-init=true", "prog", "--port", "1"}}) {
    StandaloneOptions options = options_of(words);
    EXPECT_TRUE(options.wrap);
    EXPECT_EQ(options.command, (Words{"prog", "--port", "1"}));
    EXPECT_EQ(options.port, 44772);
  }
  EXPECT_EQ(options_of({"init", "--port", "81", "--", "--", "x"}).command, (Words{"--", "x"}));
  EXPECT_TRUE(options_of({"--", "prog"}, {{"EXECD_INIT", "1"}}).wrap);
  EXPECT_FALSE(options_of({}, {{"EXECD_INIT", "0"}}).wrap);
}

TEST(StandaloneOptions, WhereTheLogGoes) {
  EXPECT_EQ(options_of({}).log_outputs, Words{"stderr"});
  EXPECT_EQ(options_of({}, {{"OPENSANDBOX_LOG_OUTPUT", "stdout, /a/b ,"}}).log_outputs,
            (Words{"stdout", "/a/b"}));
  EXPECT_EQ(options_of({}, {{"OPENSANDBOX_LOG_OUTPUT", "stdout"}, {"EXECD_LOG_FILE", "/l"}}).log_outputs,
            Words{"/l"});
}

TEST(StandaloneOptions, SecretsAreOverwritten) {
  std::string words[] = {"execd", "--access-token", "aaa", "-jupyter-token=bbb", "--port", "1",
                         "--",    "--access-token", "c"};
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  hide_secrets(static_cast<int>(argv.size()), argv.data());
  EXPECT_EQ(words[2], "***");
  EXPECT_EQ(words[3], "-jupyter-token=***");
  EXPECT_EQ(words[5], "1");
  EXPECT_EQ(words[8], "c");
}

}  // namespace
}  // namespace osb::execd
