// Bash sessions as clients see them, with real shells.
#include "execd/session/session.h"

#include <fstream>

#include "execd/daemon_fixture.h"
#include "execd/small_file.h"

namespace osb::execd {
namespace {

using namespace std::string_literals;
using std::chrono::milliseconds;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class SessionTest : public DaemonTest {
 protected:
  std::string create(std::string body = {}) {
    Answer answer = call(request("POST", "/session", std::move(body)));
    EXPECT_EQ(answer.status, 200) << answer.body;
    return session_ = std::string(json::parse(answer.body).at("session_id").as_string());
  }
  http::ClientRequest run_request(std::string command, std::string more = {}) {
    return request("POST", "/session/" + session_ + "/run",
                   "{\"command\":" + json::serialize(json::Value(command)) + more + "}");
  }
  // Events without init and ping; the last execution id is remembered.
  std::vector<std::string> in_session(std::string command, std::string more = {}) {
    Answer answer = call(run_request(std::move(command), std::move(more)));
    EXPECT_EQ(answer.status, 200) << answer.body;
    json::Value init = json::parse(answer.body.substr(0, answer.body.find("\n\n")));
    execution_ = std::string(init.at("execution_id").as_string());
    EXPECT_EQ(init.at("text").as_string(), session_);
    std::vector<std::string> events = events_of(answer.body);
    std::erase_if(events,
                  [](const std::string& e) { return e.starts_with("ping:") || e.starts_with("init:"); });
    return events;
  }
  // Only what was printed.
  std::string printed(std::string command, std::string more = {}) {
    std::string out;
    for (const std::string& event : in_session(std::move(command), std::move(more)))
      if (event.starts_with("stdout:")) out += event.substr(7);
    return out;
  }
  static net::task<> send_later(SessionTest* self, http::ClientRequest request, Answer* answer, bool* done) {
    co_await send(self, std::move(request), answer);
    *done = true;
  }
  // A request whose answer is waited for later.
  struct Pending {
    Answer answer;
    bool done = false;
  };
  std::shared_ptr<Pending> begin(http::ClientRequest request) {
    auto pending = std::make_shared<Pending>();
    net::spawn(loop_.executor(), "request",
               send_later(this, std::move(request), &pending->answer, &pending->done));
    return pending;
  }
  std::vector<std::string> end_of(const std::shared_ptr<Pending>& pending) {
    EXPECT_TRUE(wait_until([&] { return pending->done; }));
    return events_of(pending->answer.body);
  }

  // Begins a run and leaves at once; its execution id.
  std::string begin_run(std::string command) {
    std::string got;
    loop_.run_until_done(read_and_cut(this, run_request(std::move(command)), 200, &got));
    return execution_id(got);
  }
  // Everything behind init.
  std::vector<std::string> rest_of(const std::string& id) {
    return events_of(record(get("/session/" + id + "/resume?after_eid=1").body));
  }
  // What there is of it now, without waiting for its end.
  std::string get_some(const std::string& id) {
    std::string got;
    loop_.run_until_done(
        read_and_cut(this, request("GET", "/session/" + id + "/resume?after_eid=1"), 60, &got));
    return got;
  }

  std::string session_, execution_;
};

TEST_F(SessionTest, VariablesFunctionsOptionsAndDirectoryStay) {
  create();
  EXPECT_THAT(in_session("x=1; export E='a b'; a=(1 'two  three'); f() { echo \"f$1-$x\"; }; cd /usr; set -o "
                         "noglob; shopt -s nullglob; umask 027; alias l=ls"),
              ElementsAre("execution_complete"));
  EXPECT_EQ(printed("f 2; pwd; echo $E ${a[1]} *; umask; shopt -q nullglob && echo null; alias l"),
            "f2-1\n/usr\na b two three *\n0027\nnull\nalias l='ls'\n");
  EXPECT_EQ(printed("printenv E; set +o noglob; unset x; echo ${x-none}"), "a b\nnone\n");
}

TEST_F(SessionTest, ExitEndsTheRunAndWhatWasSetStays) {
  create();
  in_session(
      "x=1; export E=\"it's \\\"$'\\n'\"; a=(1 'two  three'); declare -A m=([k]=v); f() { echo f$x; }");
  EXPECT_THAT(in_session("cd /usr; set -u; y=2; echo out; exit 3"),
              ElementsAre("stdout:out\n", "error:3/exit status 3"));
  EXPECT_EQ(printed("f; pwd; echo \"$E\" ${a[1]} ${m[k]} $y; [[ $- == *u* ]] && echo u"),
            "f1\n/usr\nit's \"$'\\n' two three v 2\nu\n");
  EXPECT_THAT(in_session("exit"), ElementsAre("execution_complete"));
  EXPECT_THAT(in_session("exec echo gone"), ElementsAre("stdout:gone\n", "execution_complete"));
  EXPECT_THAT(in_session("kill -9 $$"), ElementsAre("error:-1/signal: killed"));
  EXPECT_EQ(printed("f; pwd"), "f1\n/usr\n");
  EXPECT_THAT(in_session("set -e; false; echo no"), ElementsAre("error:1/exit status 1"));
  EXPECT_THAT(printed("echo $-; set +e"), HasSubstr("e"));
}

TEST_F(SessionTest, ReportsExitStatusAndBothStreams) {
  create();
  EXPECT_THAT(in_session("(exit 7)"), ElementsAre("error:7/exit status 7"));
  auto events = in_session("echo out; echo; echo err >&2; false");
  EXPECT_THAT(events, Contains("stdout:out\n"));
  EXPECT_THAT(events, Contains("stdout:\n"));
  EXPECT_THAT(events, Contains("stderr:err\n"));
  EXPECT_EQ(events.back(), "error:1/exit status 1");
  events = in_session("if (");
  EXPECT_EQ(events.back(), "error:2/exit status 2");
  EXPECT_THAT(events[0], HasSubstr("syntax error"));
  EXPECT_THAT(in_session("nope-nope").back(), "error:127/exit status 127");
  EXPECT_EQ(printed("cat; read x; echo $?"), "1\n");  // there is nothing to read
  agent_ = "OpenSandbox-Python-SDK/0.1.11";
  EXPECT_THAT(in_session("echo a"), ElementsAre("stdout:a", "execution_complete"));
}

TEST_F(SessionTest, NothingThatIsPrintedEndsARun) {
  create();
  EXPECT_EQ(
      printed("printf 'end\\0x\\0000\\0/\\0'; printf 'end\\0x\\0000\\0/\\0' >&2; echo; echo __EXIT_CODE__:0"),
      "end\0x\0"
      "0\0/\0\n__EXIT_CODE__:0\n"s);
  // Programs get no descriptor but the three: there is nothing to forge it on.
  EXPECT_EQ(printed("ls /proc/self/fd | tr '\\n' ' '; (ls /proc/self/fd | tr '\\n' ' ') & wait"),
            "0 1 2 3 0 1 2 3 ");  // 3 is ls's own
  EXPECT_THAT(
      in_session(
          "for i in $(seq 3 9); do eval \"printf 'end\\\\0x\\\\0000\\\\0/\\\\0' >&$i\"; done 2>/dev/null; "
          "sleep 0.1; echo last; false"),
      ElementsAre("stdout:last\n", "error:1/exit status 1"));
}

TEST_F(SessionTest, ATimeLimitEndsTheRunAndItsProcessesOnly) {
  create();
  std::string pid = printed("x=5; sleep 300 & echo $!");
  pid.pop_back();
  for (const char* endless : {"sleep 300; echo no", "while :; do :; done", "setsid sleep 299",
                              "(trap '' TERM; while :; do sleep 1; done)"}) {
    auto events = in_session(endless, R"(,"timeout":200)");
    EXPECT_EQ(events.back(), "error:-1/timeout after 200 ms") << endless;
    EXPECT_THAT(events, ::testing::Not(Contains("stdout:no\n")));
    EXPECT_EQ(printed("echo $x"), "5\n");
  }
  EXPECT_TRUE(read_small_file("/proc/" + pid + "/stat", 100));  // what an earlier run left behind lives on
  EXPECT_EQ(printed("pgrep -x -f 'sleep 299'"), "");
  // One that does not care about being asked either.
  EXPECT_EQ(in_session("trap '' 40; trap - EXIT; while :; do :; done", R"(,"timeout":100)").back(),
            "error:-1/timeout after 100 ms");
  EXPECT_EQ(printed("echo ok"), "ok\n");
}

TEST_F(SessionTest, RunsTakeTurns) {
  create();
  std::vector<std::shared_ptr<Pending>> runs;
  for (int i = 0; i < 5; ++i)
    runs.push_back(
        begin(run_request("n=$((${n-0} + 1)); sleep 0.02; echo $n", i == 2 ? R"(,"timeout":1)" : "")));
  EXPECT_EQ(end_of(runs[0]).at(2), "stdout:1\n");
  EXPECT_EQ(end_of(runs[1]).at(2), "stdout:2\n");
  EXPECT_EQ(end_of(runs[2]).back(), "error:-1/timeout after 1 ms");
  EXPECT_EQ(end_of(runs[4]).back(), "execution_complete");
  Answer last;
  for (size_t i = 0; i < Session::kWaitingRuns + 1; ++i) runs.push_back(begin(run_request("sleep 0.01")));
  EXPECT_TRUE(wait_until([&] { return runs.back()->done || runs[5]->done; }));
  bool refused = false;
  for (int i = 0; i < 20 && !refused; ++i) {
    runs.push_back(begin(run_request("sleep 0.1")));
    loop_.run_until_done(net::sleep_for(milliseconds(2)));
    refused = runs.back()->done && runs.back()->answer.status == 429;
  }
  EXPECT_TRUE(refused);
  for (auto& run : runs) EXPECT_TRUE(wait_until([&] { return run->done; }, milliseconds(60000)));
}

TEST_F(SessionTest, InterruptByExecutionEndsTheRunInterruptByIdTheSession) {
  create();
  in_session("x=1");
  std::string first = begin_run("echo begun; sleep 300; echo no");
  EXPECT_TRUE(wait_until([&] { return get_some(first).find("stdout") != std::string::npos; }));
  std::string second = begin_run("echo never");
  std::string third = begin_run("echo $x; sleep 300");
  auto interrupt = [&](const std::string& id) { return call(request("DELETE", "/command?id=" + id)).status; };
  EXPECT_EQ(interrupt(second), 200);  // it had not had its turn
  EXPECT_THAT(rest_of(second), ElementsAre("error:-1/signal: terminated"));
  EXPECT_EQ(interrupt(first), 200);
  std::vector<std::string> ended = rest_of(first);
  EXPECT_EQ(ended.front(), "stdout:begun\n");
  EXPECT_EQ(ended.back(), "error:-1/signal: terminated");
  EXPECT_THAT(ended, ::testing::Not(Contains("stdout:no\n")));
  EXPECT_EQ(refusal(call(request("DELETE", "/code?id=" + first))), "409 RUNTIME_ERROR");
  EXPECT_TRUE(wait_until([&] { return get_some(third).find("stdout") != std::string::npos; }));
  EXPECT_EQ(interrupt(session_), 200);
  EXPECT_THAT(rest_of(third), ElementsAre("stdout:1\n", "error:-1/signal: killed"));
  EXPECT_EQ(refusal(call(run_request("true"))), "404 CONTEXT_NOT_FOUND");
}

TEST_F(SessionTest, DeletingEndsEverythingThatWasStartedInIt) {
  create();
  std::string before = printed("sleep 301 & echo $!"), after;
  in_session("exit");
  after = printed("(setsid sleep 302 &) ; sleep 303 & echo $!");
  Answer gone = call(request("DELETE", "/session/" + session_));
  EXPECT_EQ(gone.status, 200);
  EXPECT_EQ(gone.body, "");
  for (std::string pid : {before, after}) {
    pid.pop_back();
    EXPECT_TRUE(wait_until([&] {
      auto stat = read_small_file("/proc/" + pid + "/stat", 1000);
      return !stat || stat->find(") Z ") != std::string::npos;
    })) << pid;
  }
  EXPECT_EQ(refusal(call(request("DELETE", "/session/" + session_))), "404 CONTEXT_NOT_FOUND");
}

TEST_F(SessionTest, ARunGoesOnWithoutItsClientAndCanBeResumed) {
  create();
  std::string id = begin_run("echo one; sleep 0.2; echo two");
  EXPECT_THAT(rest_of(id), ElementsAre("stdout:one\n", "stdout:two\n", "execution_complete"));
  EXPECT_EQ(printed("echo three"), "three\n");
  http::ClientRequest keyed = run_request("n=$((n + 1)); echo $n");
  keyed.headers.add("Idempotency-Key", "k");
  std::string first = call(keyed).body;
  EXPECT_EQ(record(call(keyed).body), record(first));
  EXPECT_EQ(printed("echo $n"), "1\n");
}

TEST_F(SessionTest, DirectoriesAreMadeExpandedAndChecked) {
  std::string home = env_file_ + ".home";
  options_.commands.environment["HOME"] = home;
  start();
  create(R"({"cwd":"~/made/here"})");
  EXPECT_EQ(printed("pwd"), home + "/made/here\n");
  EXPECT_EQ(printed("pwd", R"(,"cwd":"..")"), home + "/made\n");
  EXPECT_EQ(printed("pwd"), home + "/made\n");  // and there it stays
  EXPECT_EQ(printed("pwd", R"(,"cwd":"$HOME")"), home + "\n");
  EXPECT_EQ(refusal(call(run_request("pwd", R"(,"cwd":"nope")"))), "400 INVALID_REQUEST_BODY");
  EXPECT_EQ(refusal(call(run_request("pwd", R"(,"timeout":-1)"))), "400 INVALID_REQUEST_BODY");
  EXPECT_EQ(refusal(call(run_request(""))), "400 INVALID_REQUEST_BODY");
  EXPECT_EQ(refusal(call(request("POST", "/session", R"({"cwd":"/proc/nope"})"))),
            "400 INVALID_REQUEST_BODY");
  EXPECT_EQ(refusal(call(request("POST", "/session", R"({"cwd":7})"))), "400 INVALID_REQUEST_BODY");
  in_session("cd /; rm -r " + home);
}

TEST_F(SessionTest, SeesTheEnvironmentFileAlsoWhenItChanges) {
  std::ofstream(env_file_) << "A='1'\n";
  create();
  EXPECT_EQ(printed("echo $A${B-}"), "1\n");
  std::ofstream(env_file_) << "A='it is'\nB=\"2\"\n";
  EXPECT_EQ(printed("echo $A$B; A=mine"), "it is2\n");
  EXPECT_EQ(printed("echo $A; exit"), "mine\n");
  EXPECT_EQ(printed("echo $A"), "mine\n");
  std::ofstream(env_file_) << "A=last\n";
  EXPECT_EQ(printed("printenv A"), "last\n");
}

TEST_F(SessionTest, LongTextsAndMuchOutput) {
  create();
  EXPECT_EQ(printed("x='" + std::string(300'000, 'y') + "'; echo ${#x}"), "300000\n");
  std::string out = printed("seq 100000; exit 0");
  EXPECT_THAT(out, ::testing::EndsWith("\n99999\n100000\n"));
  EXPECT_EQ(out.size(), 588'895u);
  EXPECT_EQ(printed("echo ${#x}"), "300000\n");
}

TEST_F(SessionTest, WithoutBashItIsSh) {
  // A PATH without bash is not enough where /bin/bash exists: the shell itself is tried.
  sys::ChildSpec child;
  child.env = {"PATH=/usr/bin:/bin"};
  child.cwd = "/tmp";
  std::vector<ShellReport> reports;
  std::string out;
  bool exited = false;
  auto start_shell = [&](std::string state) {
    Shell::Listener listener;
    listener.report = [&](ShellReport report) { reports.push_back(std::move(report)); };
    listener.exit = [&](sys::ExitStatus) { exited = true; };
    auto shell = Shell::start(loop_.executor(), reaper_, "/bin/sh", child, std::move(listener));
    EXPECT_EQ(shell->kind(), ShellKind::other);
    OutputReader::Consumer take;
    take.take = [&](std::string_view bytes, bool) { out += bytes; };
    shell->read_into(take, take);
    shell->send(shell_setup(shell->kind(), state));
    return shell;
  };
  auto shell = start_shell({});
  auto run = [&](std::string command) {
    size_t before = reports.size();
    shell->send(shell_run(shell->kind(), {"id", command, {}, {{"A", "a'b"}}}));
    EXPECT_TRUE(wait_until([&] { return reports.size() > before; }));
    return reports.back().exit_status;
  };
  EXPECT_EQ(run("x=\"1 2\"; cd /usr; set -f; false"), 1);
  EXPECT_EQ(reports.back().cwd, "/usr");
  EXPECT_EQ(run("if ("), 2);
  EXPECT_EQ(run("echo $x $A * >&2; ls /proc/self/fd | wc -l"), 0);
  shell->send(shell_run(shell->kind(), {"id", "exit 3", {}, {}}));
  EXPECT_TRUE(wait_until([&] { return exited; }));
  EXPECT_THAT(out, HasSubstr("1 2 a'b *\n"));
  EXPECT_THAT(out, HasSubstr("\n4\n"));
  ASSERT_EQ(reports.back().kind, ShellReport::Kind::state);
  std::string state = reports.back().state;
  out.clear();
  shell = start_shell(state);
  EXPECT_EQ(run("echo $x *; pwd"), 0);
  shell->kill();
  EXPECT_TRUE(wait_until([&] { return out == "1 2 *\n/usr\n"; })) << out;
}

}  // namespace
}  // namespace osb::execd
