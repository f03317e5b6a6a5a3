// What a workload may try against the daemon that runs it. Each defence has its test here unless the code
// that holds it has one: flooding and stuck readers (daemon_test), forged signals to PID 1 (init_test), paths
// and links (files/), code that forges frames of its worker (code/).
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>

#include "base/json.h"
#include "execd/daemon.h"
#include "execd/descendants.h"
#include "execd/privacy.h"
#include "http/client.h"
#include "net/loop.h"
#include "net/timer.h"

namespace osb::execd {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;
using ::testing::Not;

class Attack : public ::testing::Test {
 protected:
  Attack() : reaper_(loop_.executor()), client_(loop_.executor()) {
    ::signal(SIGPIPE, SIG_IGN);
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    options_.addresses = {"0.0.0.0", "::"};
    options_.port = 0;
    options_.token = "the-token";
    options_.commands.environment = {{"PATH", "/usr/bin:/bin:/usr/sbin"}, {"HOME", "/tmp"}};
    options_.commands.cwd = "/tmp";
    options_.commands.oom_score_adj = 500;
    options_.commands.open_files = 512;
    daemon_ = std::make_unique<Daemon>(loop_.executor(), reaper_, options_);
    daemon_->listen();
  }
  static net::task<> send(Attack* self, http::ClientRequest request, std::string* out) {
    auto answer = co_await self->client_.send({"127.0.0.1", self->daemon_->port(), {}}, std::move(request));
    *out = co_await answer->read_all(16 << 20);
  }
  std::string post(std::string target, std::string body) {
    http::ClientRequest request{.method = "POST", .target = std::move(target), .body = std::move(body)};
    request.headers = {{"X-EXECD-ACCESS-TOKEN", "the-token"}};
    std::string out;
    loop_.run_until_done(send(this, std::move(request), &out));
    return out;
  }
  std::string stream_of(const std::string& command, const std::string& more = {}) {
    return post("/command", "{\"command\":" + json::serialize(json::Value(command)) + more + "}");
  }
  // What the command printed, one text.
  std::string run(const std::string& command, const std::string& more = {}) {
    return printed(stream_of(command, more));
  }
  std::string run_in_session(const std::string& command) {
    std::string id(json::parse(post("/session", "")).at("session_id").as_string());
    return printed(
        post("/session/" + id + "/run", "{\"command\":" + json::serialize(json::Value(command)) + "}"));
  }
  static std::string printed(const std::string& body) {
    std::string out;
    for (size_t at = 0; at < body.size();) {
      size_t end = std::min(body.find("\n\n", at), body.size());
      json::Value event = json::parse(std::string_view(body).substr(at, end - at));
      if (event.at("type") == "stdout" || event.at("type") == "stderr")
        out += std::string(event.at("text").as_string());
      at = end + 2;
    }
    return out;
  }
  std::string own_pid() { return std::to_string(::getpid()); }

  net::Loop loop_;
  Reaper reaper_;
  http::Client client_;
  DaemonOptions options_;
  std::unique_ptr<Daemon> daemon_;
};

TEST_F(Attack, ThePortCannotBeTakenWithAnyOption) {
  std::string script =
      "import socket\n"
      "for family, address in ((socket.AF_INET, '0.0.0.0'), (socket.AF_INET, '127.0.0.1'), (socket.AF_INET6, "
      "'::'),"
      " (socket.AF_INET6, '::1')):\n"
      "  for option in (None, socket.SO_REUSEADDR, socket.SO_REUSEPORT):\n"
      "    try:\n"
      "      s = socket.socket(family)\n"
      "      if option: s.setsockopt(socket.SOL_SOCKET, option, 1)\n"
      "      s.bind((address, " +
      std::to_string(daemon_->port()) +
      "))\n      s.listen()\n      print('taken', address, option)\n"
      "    except OSError: print('refused')\n";
  std::string out = run("python3 -c \"" + script + "\"");
  EXPECT_THAT(out, HasSubstr("refused"));
  EXPECT_THAT(out, Not(HasSubstr("taken")));
}

TEST_F(Attack, DescriptorsOfTheDaemonDoNotReachCommands) {
  EXPECT_EQ(run("ls /proc/self/fd | tr '\\n' ' '"), "0 1 2 3 ");  // 3 is the directory that ls reads
}

// CVE-2024-21626: sessions keep descriptors of their own for reports and streams, and none of the daemon's.
TEST_F(Attack, DescriptorsOfTheDaemonDoNotReachSessions) {
  std::string out = run_in_session(
      "for f in /proc/$$/fd/*; do l=$(readlink $f); case $l in pipe:*|/dev/null|/memfd:*|*deleted*) ;; "
      "*) echo \"$l\";; esac; done; ls /proc/self/fd | tr '\\n' ' '");
  EXPECT_EQ(out, "0 1 2 3 ");
}

// Whatever a program prints stays text inside of one event.
TEST_F(Attack, PrintedEventsAreText) {
  std::string forged =
      R"(printf '\n\n{"type":"execution_complete","eid":9}\n\ndata: {"type":"error"}\r\n\r\n'; exit 3)";
  std::string body = stream_of(forged);
  size_t ends = 0;
  std::string last;
  for (size_t at = 0; at < body.size(); at = body.find("\n\n", at) + 2) {
    last = std::string(
        json::parse(std::string_view(body).substr(at, body.find("\n\n", at) - at)).at("type").as_string());
    ends += last == "execution_complete" || last == "error";
  }
  EXPECT_EQ(ends, 1u);
  EXPECT_EQ(last, "error");
}

// What another user linked into a directory of his own is not ours to rewrite: uploads make a new file.
TEST_F(Attack, AnUploadToAHardLinkLeavesTheOtherNameAlone) {
  std::string base = "/tmp/execd_attack_link." + own_pid();
  run("mkdir " + base + "; echo outside > " + base + "/outside; ln " + base + "/outside " + base + "/inside");
  http::ClientRequest request{.method = "POST", .target = "/files/upload"};
  request.headers = {{"X-EXECD-ACCESS-TOKEN", "the-token"},
                     {"Content-Type", "multipart/form-data; boundary=b"}};
  request.body =
      "--b\r\nContent-Disposition: form-data; name=\"metadata\"; filename=\"m\"\r\nContent-Type: "
      "application/json\r\n\r\n{\"path\":\"" +
      base +
      "/inside\"}\r\n--b\r\nContent-Disposition: form-data; name=\"file\"; "
      "filename=\"f\"\r\n\r\nnew\r\n--b--\r\n";
  std::string answer;
  loop_.run_until_done(send(this, std::move(request), &answer));
  EXPECT_EQ(answer, "");
  EXPECT_EQ(run("cat " + base + "/outside " + base + "/inside; rm -r " + base), "outside\nnew");
}

TEST_F(Attack, ABodyThatIsCompressedIsNotUnpacked) {
  http::ClientRequest request{
      .method = "POST", .target = "/command", .body = std::string("\x1f\x8b\x08\0", 4)};
  request.headers = {{"X-EXECD-ACCESS-TOKEN", "the-token"}, {"Content-Encoding", "gzip"}};
  std::string out;
  loop_.run_until_done(send(this, std::move(request), &out));
  EXPECT_THAT(out, HasSubstr("INVALID_REQUEST_BODY"));
}

TEST_F(Attack, CommandsDieOfMemoryBeforeTheDaemon) {
  EXPECT_EQ(run("cat /proc/self/oom_score_adj"), "500\n");
  // Where the daemon has CAP_SYS_RESOURCE they cannot lower it at all; nowhere below the daemon's own.
  std::string lower = "for n in -1 -1000; do echo $n > /proc/self/oom_score_adj && echo lower; done";
  EXPECT_THAT(run(lower, R"(,"uid":65534,"gid":65534)"), Not(HasSubstr("lower\n")));
}

TEST_F(Attack, DescriptorsAreLimitedPerCommandAndTheDaemonHasMore) {
  EXPECT_EQ(run("ulimit -Sn"), "512\n");
  EXPECT_EQ(
      run("exec 2>/dev/null; for i in $(seq 3 2000); do eval \"exec $i</dev/null\" || break; done; echo $i"),
      "512\n");
  EXPECT_EQ(run("echo next"), "next\n");
}

TEST_F(Attack, AnotherUserCanNeitherSignalTraceNorReadTheDaemon) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  close_own_process();
  std::string nobody = R"(,"uid":65534,"gid":65534)";
  std::string pid = own_pid();
  EXPECT_THAT(run("for s in KILL STOP TERM SEGV; do kill -$s " + pid + " && echo sent; done", nobody),
              Not(HasSubstr("sent")));
  std::string looks =
      "for f in environ mem maps fd/0 exe cwd/. root/. task/" + pid + "/environ; do cat /proc/" + pid +
      "/$f >/dev/null 2>&1 && echo read $f; done; ls /proc/" + pid + "/fd 2>/dev/null; echo looked";
  EXPECT_EQ(run(looks, nobody), "looked\n");
  std::string trace =
      "python3 -c \"import ctypes; print(ctypes.CDLL(None, use_errno=True).ptrace(16, " + pid + ", 0, 0))\"";
  EXPECT_EQ(run(trace, nobody), "-1\n");
}

TEST_F(Attack, TheImageOfTheDaemonCannotBeWrittenToWhileItRuns) {
  // CVE-2019-5736: through /proc/PID/exe.
  EXPECT_THAT(run("echo x 2>&1 > /proc/" + own_pid() + "/exe"), HasSubstr("Text file busy"));
}

TEST_F(Attack, SecretsAreInNoEnvironment) {
  ::setenv("EXECD_ACCESS_TOKEN", "leak-me", 1);
  std::string out = run("env; cat /proc/self/environ | tr '\\0' '\\n'");
  ::unsetenv("EXECD_ACCESS_TOKEN");
  EXPECT_THAT(out, Not(HasSubstr("leak-me")));
  EXPECT_THAT(out, Not(HasSubstr("the-token")));
}

TEST_F(Attack, PlantedVariablesInfectTheirCommandOnly) {
  std::string planted =
      R"(,"envs":{"BASH_ENV":"/tmp/nope","LD_PRELOAD":"/tmp/nope.so","PROMPT_COMMAND":"x"})";
  run("true", planted);
  EXPECT_EQ(run("echo ${BASH_ENV-none} ${LD_PRELOAD-none} ${PROMPT_COMMAND-none}"), "none none none\n");
}

TEST_F(Attack, ZombiesAndDoubleForksAreReapedAndEndWithTheDaemon) {
  EXPECT_EQ(run("for i in $(seq 50); do (setsid sh -c 'exit 0' &); done; echo done"), "done\n");
  EXPECT_EQ(run("(setsid sh -c 'trap \"\" TERM; echo $$ > /tmp/execd_attack.'" + own_pid() +
                "'; while :; do sleep 1; done' >/dev/null 2>&1 &); sleep 0.2; echo left"),
            "left\n");
  std::string file = "/tmp/execd_attack." + own_pid();
  pid_t escaped = 0;
  std::ifstream(file) >> escaped;
  ::unlink(file.c_str());
  ASSERT_GT(escaped, 1);
  ASSERT_EQ(::kill(escaped, 0), 0);
  loop_.run_until_done(end_descendants(milliseconds(200)));
  for (int i = 0; i < 500 && ::kill(escaped, 0) == 0; ++i)
    loop_.run_until_done(net::sleep_for(milliseconds(10)));
  EXPECT_NE(::kill(escaped, 0), 0);
  EXPECT_EQ(run("ps -eo ppid=,stat= | awk '$1 == " + own_pid() + " && $2 ~ /Z/' | wc -l"), "0\n");
}

TEST_F(Attack, AForkThatFailsIsATypedErrorAndTheNextRequestWorks) {
  if (::geteuid() == 0) {  // root ignores the limit: the command's user meets it
    std::string out =
        run("ulimit -u 1; sleep 0 & true; (true) 2>&1; echo after", R"(,"uid":65533,"gid":65533)");
    EXPECT_THAT(out, Not(HasSubstr("after after")));
  }
  EXPECT_EQ(run("echo next"), "next\n");
}

TEST_F(Attack, JsonOfEveryBadKindIsRefusedAndTheNextRequestWorks) {
  auto status = [&](std::string body) {
    http::ClientRequest request{.method = "POST", .target = "/command", .body = std::move(body)};
    request.headers = {{"X-EXECD-ACCESS-TOKEN", "the-token"}};
    std::string out;
    loop_.run_until_done(send(this, std::move(request), &out));
    return out;
  };
  for (const std::string& body : {std::string(100000, '['), R"({"command":)" + std::string(100000, '{'),
                                  std::string(R"({"timeout":1e999,"command":"true"})"),
                                  std::string(R"({"timeout":99999999999999999999999,"command":"true"})"),
                                  std::string("{\"command\":\"\xff\xfe\x00\"}", 16)})
    EXPECT_THAT(status(body), HasSubstr("INVALID_REQUEST_BODY"));
  EXPECT_EQ(run("echo next"), "next\n");
}

}  // namespace
}  // namespace osb::execd
