// The daemon as a client sees it: a real server on a loopback port, real processes behind it.
#include "execd/daemon.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <fstream>

#include "base/json.h"
#include "execd/daemon_fixture.h"
#include "execd/process_for_tests.h"
#include "execd/small_file.h"
#include "http/client.h"
#include "net/loop.h"
#include "net/timer.h"

namespace osb::execd {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST_F(DaemonTest, AsksForTheTokenEverywhereButAtPing) {
  auto bare = [&](std::string target) {
    http::ClientRequest r = request("GET", std::move(target));
    r.headers.remove("X-EXECD-ACCESS-TOKEN");
    return call(std::move(r));
  };
  EXPECT_EQ(bare("/ping").status, 200);
  EXPECT_EQ(bare("/ping").body, "");
  EXPECT_EQ(bare("/ready").body, R"({"initialized":true})");
  for (const char* target :
       {"/metrics", "/command/status/x", "/nothing", "/ping/x", "/ready/x", "/metrics/prometheus"}) {
    Answer answer = bare(target);
    EXPECT_EQ(refusal(answer), "401 UNAUTHORIZED") << target;
    json::Value body = json::parse(answer.body);
    EXPECT_EQ(body.at("error"), body.at("message"));
  }
  http::ClientRequest wrong = request("GET", "/metrics");
  wrong.headers.set("X-EXECD-ACCESS-TOKEN", "secreT");
  EXPECT_EQ(call(wrong).status, 401);
}

TEST_F(DaemonTest, UnknownRoutesAnswerInJson) {
  EXPECT_EQ(refusal(get("/nothing")), "404 NOT_FOUND");
  EXPECT_EQ(refusal(call(request("PUT", "/command"))), "404 NOT_FOUND");
  EXPECT_EQ(get("/ping/").status, 200);
  EXPECT_EQ(get("/metrics/").status, 200);
}

TEST_F(DaemonTest, StreamsOneEventPerLine) {
  EXPECT_THAT(run("echo one; echo; echo three"),
              ElementsAre("stdout:one\n", "stdout:\n", "stdout:three\n", "execution_complete"));
  EXPECT_THAT(run("printf abc"), ElementsAre("stdout:abc", "execution_complete"));
  EXPECT_THAT(run("true"), ElementsAre("execution_complete"));
  EXPECT_THAT(run("printf 'a\\rb\\tc\\n'"), ElementsAre("stdout:a\r", "stdout:b\tc\n", "execution_complete"));
  EXPECT_THAT(run("printf '\\377\\376\\n'"),
              ElementsAre("stdout:\xef\xbf\xbd\xef\xbf\xbd\n", "execution_complete"));
}

TEST_F(DaemonTest, OldClientsGetLinesWithoutTerminators) {
  agent_ = "OpenSandbox-Python-SDK/0.1.11";
  EXPECT_THAT(run("echo one; echo; echo three"),
              ElementsAre("stdout:one", "stdout:\n", "stdout:three", "execution_complete"));
  agent_ = "OpenSandbox-Python-SDK/1.1.1";
  EXPECT_THAT(run("echo one"), ElementsAre("stdout:one\n", "execution_complete"));
  options_.strip_line_terminators = true;
  start();
  EXPECT_THAT(run("echo one"), ElementsAre("stdout:one", "execution_complete"));
}

TEST_F(DaemonTest, EndsWithTheExitCode) {
  auto events = run("echo out; echo err >&2; exit 3");
  ASSERT_EQ(events.size(), 3u);
  EXPECT_EQ(events[2], "error:3/exit status 3");
  EXPECT_THAT(events, ::testing::Contains("stdout:out\n"));
  EXPECT_THAT(events, ::testing::Contains("stderr:err\n"));
  EXPECT_EQ(run("nope-nope").back(), "error:127/exit status 127");
  EXPECT_THAT(run("kill -9 $$"), ElementsAre("error:-1/signal: killed"));
}

TEST_F(DaemonTest, ArgvNeedsNoShell) {
  EXPECT_THAT(events_of(post_command(R"({"argv":["printf","%s|","a b","","$HOME"]})").body).at(2),
              "stdout:a b||$HOME|");
  auto events = events_of(post_command(R"({"argv":["nope-nope"]})").body);
  ASSERT_EQ(events.size(), 3u);
  EXPECT_EQ(events[2], "error:starting nope-nope: no such program/starting nope-nope: no such program");
  // The kernel takes no single argument of that size.
  EXPECT_THAT(events_of(post_command(R"({"argv":["true",")" + std::string(300000, 'x') + "\"]}").body).back(),
              HasSubstr("argument list too long"));
}

TEST_F(DaemonTest, CodeWithoutALanguageIsForTheShell) {
  auto code = [&](const std::string& context, const std::string& text) {
    return call(request("POST", "/code", "{\"code\":\"" + text + "\"" + context + "}"));
  };
  for (const char* context : {"", R"(,"context":{})", R"(,"context":{"language":"command"})"}) {
    auto events = events_of(code(context, "pwd; exit 3").body);
    ASSERT_EQ(events.size(), 4u) << context;
    EXPECT_THAT(events[0], ::testing::MatchesRegex("init:[0-9a-f]{32}"));
    EXPECT_EQ(events[2], "stdout:/tmp\n");
    EXPECT_EQ(events[3], "error:3/exit status 3");
    EXPECT_THAT(get("/command/status/" + events[0].substr(5)).body, HasSubstr(R"("exit_code":3)"));
  }
  auto events = events_of(code(R"(,"context":{"language":"background-command"})", "echo later").body);
  ASSERT_EQ(events.back(), "execution_complete");
  EXPECT_TRUE(wait_until([&] { return get("/command/" + events[0].substr(5) + "/logs").body == "later\n"; }));
  EXPECT_EQ(refusal(code("", "a\\u0000b")), "400 INVALID_REQUEST_BODY");
  EXPECT_EQ(refusal(code(R"(,"context":{"language":"sql"})", "select 1")), "400 NOT_SUPPORTED");
  agent_ = "OpenSandbox-Python-SDK/0.1.11";
  EXPECT_EQ(events_of(code("", "echo hi").body).at(2), "stdout:hi");
}

TEST_F(DaemonTest, DirectoryAndEnvironment) {
  EXPECT_THAT(run("pwd; echo $X $(cat)", R"(,"cwd":"/usr","envs":{"X":"1","Y":null})"),
              ElementsAre("stdout:/usr\n", "stdout:1\n", "execution_complete"));
  EXPECT_EQ(run("pwd")[0], "stdout:/tmp\n");
  EXPECT_EQ(run("pwd", R"(,"cwd":"$D/bin","envs":{"D":"/usr"})")[0], "stdout:/usr/bin\n");
  EXPECT_EQ(run("pwd", R"(,"cwd":"~")")[0], "stdout:/tmp\n");
  EXPECT_EQ(run("echo ${EXECD_ACCESS_TOKEN-none}")[0], "stdout:none\n");
}

TEST_F(DaemonTest, VariablesAppendedToTheEnvFileReachLaterCommands) {
  EXPECT_THAT(run("printf \"A='it is'\\n\" >> \"$EXECD_ENVS\""), ElementsAre("execution_complete"));
  EXPECT_EQ(run("echo $A")[0], "stdout:it is\n");
  EXPECT_EQ(run("echo $A", R"(,"envs":{"A":"mine"})")[0], "stdout:mine\n");
}

TEST_F(DaemonTest, RefusesBadRequests) {
  for (const char* body : {"{}",
                           R"({"command":""})",
                           R"({"command":5})",
                           R"({"command":"true","timeout":-1})",
                           R"({"command":"true","timeout":1.5})",
                           "{",
                           "",
                           "[]",
                           R"({"command":"a","argv":["b"]})",
                           R"({"argv":[]})",
                           R"({"argv":[""]})",
                           R"({"argv":["a",1]})",
                           R"({"command":"a\u0000b"})",
                           R"({"command":"true","gid":1})",
                           R"({"command":"true","uid":-1})",
                           R"({"command":"true","uid":4294967295})",
                           R"({"command":"true","uid":1,"gid":4294967295})",
                           R"({"command":"true","cwd":"/none"})",
                           R"({"command":"true","cwd":"/etc/passwd"})",
                           R"({"command":"true","cwd":"$UNDEFINED_X"})",
                           R"({"command":"true","envs":{"A=B":"c"}})",
                           R"({"command":"true","envs":[1]})"})
    EXPECT_EQ(refusal(post_command(body)), "400 INVALID_REQUEST_BODY") << body;
  EXPECT_THAT(post_command(R"({"command":"pwd","cwd":"/none"})").body,
              HasSubstr("working directory does not exist: /none"));
  EXPECT_EQ(post_command("{\"command\":\"" + std::string(5 << 20, 'x') + "\"}").status, 413);
}

TEST_F(DaemonTest, IdentityOfTheRequest) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  EXPECT_EQ(run("id -u; id -g", R"(,"uid":65534,"gid":65533)"),
            (std::vector<std::string>{"stdout:65534\n", "stdout:65533\n", "execution_complete"}));
  EXPECT_EQ(run("id -g", R"(,"uid":65534)")[0], "stdout:65534\n");  // nogroup, from the account
  EXPECT_EQ(run("echo by name > /dev/stdout", R"(,"uid":65534)")[0], "stdout:by name\n");
}

TEST_F(DaemonTest, TimeLimitKillsEverything) {
  // The shell and its child ignore SIGTERM; another child has left the group.
  std::string pidfile = env_file_ + ".pid";
  EXPECT_THAT(
      run("trap '' TERM; setsid sleep 1001 & echo $! > " + pidfile + "; sleep 1002", R"(,"timeout":300)"),
      ElementsAre("error:-1/signal: killed"));
  pid_t escaped = std::stoi(read_small_file(pidfile, 100).value_or("0"));
  ::unlink(pidfile.c_str());
  ASSERT_GT(escaped, 1);
  EXPECT_TRUE(wait_until([&] { return ::kill(escaped, 0) != 0; }));
}

TEST_F(DaemonTest, AChildLeftBehindNeitherDelaysNorDies) {
  std::string proof = env_file_ + ".proof";
  auto before = std::chrono::steady_clock::now();
  EXPECT_THAT(run("(sleep 1; echo late && echo later >&2 && touch " + proof + ") & echo started"),
              ElementsAre("stdout:started\n", "execution_complete"));
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::milliseconds(900));
  EXPECT_TRUE(wait_until([&] { return ::access(proof.c_str(), F_OK) == 0; }));  // its writes succeeded
  ::unlink(proof.c_str());
}

TEST_F(DaemonTest, AChildLeftBehindThatNeverStopsPrintingDoesNotHoldTheStream) {
  auto events = run("yes & echo $!");
  EXPECT_EQ(events.back(), "execution_complete");
  for (const std::string& event : events)
    if (event != "stdout:y\n" && event.starts_with("stdout:")) ::kill(std::stoi(event.substr(7)), SIGKILL);
}

TEST_F(DaemonTest, InterruptReachesGrandchildren) {
  std::string pids = env_file_ + ".pids";
  EXPECT_THAT(run("(trap '' TERM; sleep 1003 & echo $! >> " + pids +
                      "; wait; sleep 1004) & setsid sleep 1005 & echo $! >> " + pids + "; wait",
                  R"(,"background":true)"),
              ElementsAre("execution_complete"));
  auto started = [&] {
    std::ifstream in(pids);
    std::vector<pid_t> out;
    for (pid_t pid; in >> pid;) out.push_back(pid);
    return out;
  };
  ASSERT_TRUE(wait_until([&] { return started().size() == 2; }));
  Answer answer = call(request("DELETE", "/command?id=" + last_id_));
  EXPECT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(answer.body, "");
  for (pid_t pid : started()) EXPECT_TRUE(wait_until([&] { return ::kill(pid, 0) != 0; })) << pid;
  ::unlink(pids.c_str());
  EXPECT_THAT(get("/command/status/" + last_id_).body,
              HasSubstr(R"("exit_code":-1,"error":"signal: terminated")"));
}

TEST_F(DaemonTest, InterruptOfACommandThatIgnoresIt) {
  run("trap '' TERM; echo ready; while :; do sleep 1; done", R"(,"background":true)");
  std::string id = last_id_;
  ASSERT_TRUE(wait_until([&] { return get("/command/" + id + "/logs").body == "ready\n"; }));
  EXPECT_EQ(call(request("DELETE", "/command?id=" + id)).status, 200);
  EXPECT_THAT(get("/command/status/" + id).body, HasSubstr("signal: killed"));
}

TEST_F(DaemonTest, InterruptNeedsARunningCommand) {
  EXPECT_EQ(refusal(call(request("DELETE", "/command"))), "400 MISSING_QUERY");
  EXPECT_EQ(refusal(call(request("DELETE", "/command?id=none"))), "404 COMMAND_NOT_FOUND");
  run("true");
  EXPECT_EQ(refusal(call(request("DELETE", "/command?id=" + last_id_))), "409 RUNTIME_ERROR");
}

TEST_F(DaemonTest, BackgroundCommandsKeepStatusAndLogs) {
  EXPECT_THAT(run("echo bg; sleep 0.1; echo end >&2; exit 4", R"(,"background":true)"),
              ElementsAre("execution_complete"));
  std::string id = last_id_;
  ASSERT_TRUE(wait_until(
      [&] { return get("/command/status/" + id).body.find(R"("running":false)") != std::string::npos; }));
  json::Value status = json::parse(get("/command/status/" + id).body);
  EXPECT_EQ(status.at("id").as_string(), id);
  EXPECT_EQ(status.at("exit_code").as_int64(), 4);
  EXPECT_EQ(status.at("error").as_string(), "exit status 4");
  EXPECT_TRUE(status.as_object().contains("finished_at"));
  Answer logs = get("/command/" + id + "/logs");
  EXPECT_EQ(logs.body, "bg\nend\n");
  EXPECT_EQ(logs.type, "text/plain; charset=utf-8");
  EXPECT_EQ(logs.cursor, std::to_string(logs.body.size()));
  std::string all = logs.body;
  EXPECT_EQ(get("/command/" + id + "/logs?cursor=2").body, all.substr(2));
  EXPECT_EQ(get("/command/" + id + "/logs?cursor=x").body, all);
  Answer beyond = get("/command/" + id + "/logs?cursor=999999");
  EXPECT_EQ(beyond.body, "");
  EXPECT_EQ(beyond.cursor, logs.cursor);
  EXPECT_EQ(refusal(get("/command/" + id + "/logs?cursor=-1")), "400 INVALID_REQUEST_BODY");
}

TEST_F(DaemonTest, StatusWhileRunningAndOfUnknownIds) {
  run("sleep 1006", R"(,"background":true)");
  json::Value status = json::parse(get("/command/status/" + last_id_).body);
  EXPECT_EQ(status.at("running").as_bool(), true);
  EXPECT_FALSE(status.as_object().contains("exit_code"));
  EXPECT_FALSE(status.as_object().contains("error"));
  EXPECT_EQ(call(request("DELETE", "/command?id=" + last_id_)).status, 200);
  EXPECT_EQ(refusal(get("/command/status/none")), "404 INVALID_REQUEST_BODY");
  EXPECT_EQ(refusal(get("/command/none/logs")), "400 INVALID_REQUEST_BODY");
  run("true");
  EXPECT_EQ(refusal(get("/command/" + last_id_ + "/logs")), "400 INVALID_REQUEST_BODY");
}

// The address sanitizer makes the daemon large and keeps freed memory for a while.
#if __has_feature(address_sanitizer)
constexpr bool kMemoryIsOurs = false;
#else
constexpr bool kMemoryIsOurs = true;
#endif

TEST_F(DaemonTest, StatusTellsWhatACommandUsed) {
  if (!kMemoryIsOurs) GTEST_SKIP() << "a daemon with the address sanitizer is larger than the command";
  std::ofstream("/proc/self/clear_refs") << 5;  // forgets what other tests needed: less than that is not told
  auto usage = [&] { return json::parse(get("/command/status/" + last_id_).body).at("usage").as_object(); };
  run("exec python3 -c 'x = bytearray(200_000_000); print(len(x)); sum(range(3_000_000))'");
  json::Object used = usage();
  EXPECT_GT(used.at("cpu_us").as_int64(), 10'000);
  EXPECT_EQ(used.at("output_bytes").as_int64(), 10);
  EXPECT_GT(used.at("peak_memory_bytes").as_int64(), 200'000'000);
  EXPECT_TRUE(used.contains("written_bytes"));
  // What it started and waited for counts too; our own size is not taken for that of a small program.
  run("python3 -c 'sum(range(3_000_000))'; echo");
  EXPECT_GT(usage().at("cpu_us").as_int64(), 10'000);
  run("true");
  used = usage();
  EXPECT_LT(used.at("cpu_us").as_int64(), 1'000'000);
  EXPECT_FALSE(used.contains("peak_memory_bytes")) << used.at("peak_memory_bytes");
  run("while :; do :; done", R"(,"background":true)");
  EXPECT_TRUE(wait_until([&] { return usage().at("cpu_us").as_int64() > 50'000; }));
  EXPECT_FALSE(usage().contains("written_bytes"));
  EXPECT_EQ(call(request("DELETE", "/command?id=" + last_id_)).status, 200);
}

TEST_F(DaemonTest, ALineOfManyMegabytesComesInPieces) {
  std::string command = "{\"command\":\"head -c 3000000 /dev/zero | tr '\\\\0' x; echo; echo next\"}";
  auto texts_of = [&](bool partial) {
    std::vector<json::Object> out;
    std::string body = record(post_command(command).body);
    for (size_t at = 0, end; (end = body.find("\n\n", at)) != std::string::npos; at = end + 2) {
      json::Object event = json::parse(body.substr(at, end - at)).as_object();
      if (event.at("type").as_string() != "stdout") continue;
      EXPECT_LE(event.at("text").as_string().size(), 65'537u);
      EXPECT_EQ(event.contains("partial"), partial && event.at("text").as_string().size() >= 60'000)
          << out.size();
      out.push_back(std::move(event));
    }
    return out;
  };
  auto pieces = texts_of(false);
  EXPECT_EQ(pieces.size(), 47u);
  EXPECT_EQ(pieces.back().at("text").as_string(), "next\n");
  EXPECT_TRUE(pieces[45].at("text").as_string().ends_with("x\n"));
  EXPECT_FALSE(pieces[44].at("text").as_string().ends_with("\n"));
  agent_ = "OpenSandbox-Python-SDK/0.1.11";
  pieces = texts_of(true);
  EXPECT_EQ(pieces.size(), 47u);
  EXPECT_EQ(pieces.back().at("text").as_string(), "next");
}

TEST_F(DaemonTest, ABackgroundCommandThatCannotStartSaysSo) {
  auto events = events_of(post_command(R"({"argv":["/nope"],"background":true})").body);
  ASSERT_EQ(events.size(), 3u);
  EXPECT_THAT(events[2], HasSubstr("error:starting /nope"));
  EXPECT_THAT(get("/command/status/" + events[0].substr(5)).body,
              HasSubstr(R"("running":false,"exit_code":255)"));
}

TEST_F(DaemonTest, ChildrenOfAnEndedBackgroundCommandLiveOnAndAreLogged) {
  run("(sleep 0.3; echo late) & echo leader", R"(,"background":true)");
  std::string id = last_id_;
  EXPECT_TRUE(wait_until([&] { return get("/command/" + id + "/logs").body == "leader\nlate\n"; }));
  EXPECT_THAT(get("/command/status/" + id).body, HasSubstr(R"("exit_code":0)"));
}

TEST_F(DaemonTest, ScriptsMayReopenTheirStderrWithoutLosingTheLog) {
  run("echo one; echo two > /dev/stderr; echo three", R"(,"background":true)");
  std::string id = last_id_;
  EXPECT_TRUE(wait_until([&] { return get("/command/" + id + "/logs").body == "one\ntwo\nthree\n"; }));
}

// High-water mark of our resident memory, in bytes; reset_peak() starts anew.
size_t peak_memory() {
  std::string status = read_small_file("/proc/self/status", 64 * 1024).value_or("");
  return parse_meminfo(status, "VmHWM");
}
void reset_peak() { std::ofstream("/proc/self/clear_refs") << "5"; }

net::task<> count_body(http::Client* client, uint16_t port, http::ClientRequest request, uint64_t* count) {
  auto response = co_await client->send({"127.0.0.1", port, {}}, std::move(request));
  std::string buffer(64 * 1024, '\0');
  while (size_t n = co_await response->read_some(buffer)) *count += n;
}

TEST_F(DaemonTest, AFloodOfOutputNeedsLittleMemory) {
  if (!kMemoryIsOurs) GTEST_SKIP() << "the address sanitizer keeps freed memory for a while";
  run("true");
  reset_peak();
  size_t before = peak_memory();
  for (const char* command : {"head -c 200000000 /dev/zero | tr '\\\\0' x",
                              "yes 0123456789012345678901234567890123456789 | head -c 20000000"}) {
    uint64_t received = 0;
    loop_.run_until_done(
        count_body(&client_, daemon_->port(),
                   request("POST", "/command", "{\"command\":\"" + std::string(command) + "\"}"), &received));
    EXPECT_GT(received, 20000000u);
  }
  EXPECT_LT(peak_memory() - before, 2 * Journal::kKeptBytes + (16u << 20)) << "two journals and some buffers";
}

net::task<> read_a_little_and_leave(http::Client* client, uint16_t port, http::ClientRequest request,
                                    std::string* id) {
  auto response = co_await client->send({"127.0.0.1", port, {}}, std::move(request));
  std::string buffer(4096, '\0');
  size_t n = co_await response->read_some(buffer);
  size_t at = buffer.substr(0, n).find("\"text\":\"");
  *id = buffer.substr(at + 8, 32);
  co_await net::sleep_for(milliseconds(300));  // the command fills every buffer meanwhile
}

TEST_F(DaemonTest, AClientThatStopsReadingAndLeavesDoesNotStopTheCommand) {
  run("true");
  reset_peak();
  size_t before = peak_memory();
  std::string id;
  loop_.run_until_done(read_a_little_and_leave(
      &client_, daemon_->port(),
      request("POST", "/command", R"({"command":"head -c 50000000 /dev/zero | tr '\\0' x; echo done >&2"})"),
      &id));
  EXPECT_TRUE(wait_until([&] {
    return get("/command/status/" + id).body.find(R"("exit_code":0)") != std::string::npos;
  })) << get("/command/status/" + id).body;
  EXPECT_LT(peak_memory() - before, 24u << 20);
}

// A pipe of 1 MiB full of empty lines is sixty MiB of events.
TEST_F(DaemonTest, WhatACommandLeavesInAHugePipeWaitsForItsClientAsItWasPrinted) {
  run("true");
  reset_peak();
  size_t before = peak_memory();
  std::string script =
      "import fcntl, os\nfcntl.fcntl(1, 1031, 1 << 20)\nos.set_blocking(1, False)\n"
      "n = 0\ntry:\n  while True: n += os.write(1, b'\\n' * 65536)\n"
      "except BlockingIOError: os.write(2, b'%d' % n)";
  std::string body = json::serialize(json::Value({{"argv", {"python3", "-c", script}}}));
  std::string id;
  loop_.run_until_done(
      read_a_little_and_leave(&client_, daemon_->port(), request("POST", "/command", body), &id));
  EXPECT_LT(peak_memory() - before, 16u << 20);
  EXPECT_THAT(get("/command/status/" + id).body, HasSubstr(R"("exit_code":0)"));
  // A client that does read gets all of it.
  std::vector<std::string> events = events_of(post_command(body).body);
  size_t lines = 0;
  std::string count;
  for (const std::string& event : events) {
    lines += event == "stdout:\n";
    if (event.starts_with("stderr:")) count = event.substr(7);
  }
  EXPECT_EQ(std::to_string(lines), count);
  EXPECT_GE(lines, 1u << 20);
  EXPECT_EQ(events.back(), "execution_complete");
}

TEST_F(DaemonTest, AThousandCommandsLeaveNothingBehind) {
  run("true");
  size_t before = open_descriptors();
  for (int i = 0; i < 1000; ++i) ASSERT_THAT(run("true"), ElementsAre("execution_complete"));
  EXPECT_LE(open_descriptors(), before + 2);
}

TEST_F(DaemonTest, EndedCommandsAreForgottenAtSomePoint) {
  run("true");
  std::string first = last_id_;
  Commands& commands = daemon_->commands();
  CommandSpec spec;
  spec.child.program = "/nope";
  spec.background = true;  // it has ended when start() returns
  for (size_t i = 0; i < Commands::kKeptCommands - 1; ++i) commands.start(spec);
  EXPECT_TRUE(commands.find(first));
  commands.start(spec);
  EXPECT_FALSE(commands.find(first));
}

net::task<> read_two_lines(http::Client* client, uint16_t port, http::ClientRequest request,
                           std::string* lines) {
  auto response = co_await client->send({"127.0.0.1", port, {}}, std::move(request));
  std::string buffer(4096, '\0');
  while (std::count(lines->begin(), lines->end(), '\n') < 2) {
    size_t n = co_await response->read_some(buffer);
    lines->append(buffer.data(), n);
  }
}

TEST_F(DaemonTest, MetricsAnswerAtOnceAndWatchGoesOn) {
  json::Value sample = json::parse(get("/metrics").body);
  EXPECT_GE(sample.at("cpu_count").as_int64(), 1);
  std::string lines;
  loop_.run_until_done(read_two_lines(&client_, daemon_->port(), request("GET", "/metrics/watch"), &lines));
  EXPECT_TRUE(json::parse(lines.substr(0, lines.find('\n'))).as_object().contains("mem_used_mib"));
}

net::task<> read_to_the_end(net::Loop* loop, uint16_t port, std::string text, std::string* answer) {
  auto stream = co_await net::connect_tcp(loop->executor(), "127.0.0.1", port, milliseconds(5000));
  stream->set_read_deadline(milliseconds(10000));
  co_await stream->write(text);
  std::string buffer(4096, '\0');
  while (size_t n = co_await stream->read_some(buffer)) answer->append(buffer.data(), n);
}

TEST_F(DaemonTest, TheHeadOfMetricsWatchIsNotWatchedForEver) {
  std::string answer;
  loop_.run_until_done(
      read_to_the_end(&loop_, daemon_->port(),
                      "HEAD /metrics/watch HTTP/1.1\r\nHost: x\r\nX-EXECD-ACCESS-TOKEN: secret\r\n"
                      "Connection: close\r\n\r\n",
                      &answer));
  EXPECT_THAT(answer, HasSubstr("200 OK"));
}

TEST_F(DaemonTest, WhatRanIsCounted) {
  run("true");
  run("exit 3");
  run("sleep 0", R"(,"background":true)");
  get("/files/info?path=/tmp");
  get("/nothing/at/all");
  Answer answer = get("/metrics/prometheus");
  EXPECT_THAT(answer.type, ::testing::StartsWith("text/plain; version=0.0.4"));
  for (const char* sample :
       {R"(execd_execution_duration_milliseconds_count{operation="run_command",result="success"} 1)",
        R"(execd_execution_duration_milliseconds_count{operation="run_command",result="failure"} 1)",
        R"(execd_filesystem_operations_duration_milliseconds_count{operation="info",result="success"} 1)",
        R"(_count{http_method="POST",http_route="/command",http_status_code="200"} 3)",
        R"(_count{http_method="GET",http_route="unknown",http_status_code="404"} 1)"})
    EXPECT_THAT(answer.body, HasSubstr(sample));
}

TEST_F(DaemonTest, ListensOnBothFamiliesOrOnTheOneThereIs) {
  options_.addresses = {"0.0.0.0", "::"};
  start();
  auto answers = [](net::Loop* loop, std::string address, uint16_t port, bool* good) -> net::task<> {
    auto stream = co_await net::connect_tcp(loop->executor(), address, port, milliseconds(5000));
    co_await stream->write("GET /ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    char buffer[64];
    *good = std::string(buffer, co_await stream->read_some(buffer)).starts_with("HTTP/1.1 200");
  };
  bool four = false, six = false;
  loop_.run_until_done(answers(&loop_, "127.0.0.1", daemon_->port(), &four));
  EXPECT_TRUE(four);
  if (::access("/proc/net/if_inet6", F_OK) == 0) {
    loop_.run_until_done(answers(&loop_, "::1", daemon_->port(), &six));
    EXPECT_TRUE(six);
  }
  options_.addresses = {"127.0.0.1", "2001:db8::1"};  // the second one is none of this machine's
  EXPECT_NO_THROW(start());
}

TEST_F(DaemonTest, AcceptsWhereClientsLookForJupyter) {
  options_.jupyter_port = 45997;
  start();
  auto connect = [](net::Loop* loop, bool* connected) -> net::task<> {
    co_await net::connect_tcp(loop->executor(), "127.0.0.1", 45997, milliseconds(1000));
    *connected = true;
  };
  bool connected = false;
  loop_.run_until_done(connect(&loop_, &connected));
  EXPECT_TRUE(connected);
  auto second = std::make_unique<Daemon>(loop_.executor(), reaper_, options_);
  EXPECT_NO_THROW(second->listen());  // the port is taken: no error
}

}  // namespace
}  // namespace osb::execd
