// The life as PID 1, in a pid namespace of its own: each test runs run_sandbox_init() there and looks at it
// from outside, as the launcher does.
#include "execd/init.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "execd/process_for_tests.h"

namespace osb::execd {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string read_all(int fd) {
  std::string out;
  char buffer[4096];
  for (ssize_t n; (n = ::read(fd, buffer, sizeof buffer)) > 0;) out.append(buffer, static_cast<size_t>(n));
  return out;
}

std::string read_line(int fd) {
  std::string out;
  for (char c; ::read(fd, &c, 1) == 1 && c != '\n';) out += c;
  return out;
}

// A process that is PID 1 of new pid, mount and network namespaces and runs the daemon's init.
class Sandboxed {
 public:
  explicit Sandboxed(const std::string& config_text) {
    Pipe config = make_pipe(), report = make_pipe(), output = make_pipe();
    long pid = ::syscall(SYS_clone, CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET | SIGCHLD, nullptr, nullptr,
                         nullptr, 0UL);
    if (pid == 0) become_init(config, report, output);
    pid_ = static_cast<pid_t>(pid);
    output_ = std::move(output.read);
    report_ = std::move(report.read);
    if (pid_ > 0 && ::write(config.write.get(), config_text.data(), config_text.size()) < 0) ADD_FAILURE();
  }
  ~Sandboxed() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
  }
  bool runs() const { return pid_ > 0; }
  std::string report() { return read_all(report_.get()); }
  std::string line() { return read_line(output_.get()); }
  std::string rest() { return read_all(output_.get()); }
  void signal(int number) { ::kill(pid_, number); }
  int exit_code() {
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }

 private:
  [[noreturn]] static void become_init(Pipe& config, Pipe& report, Pipe& output) {
    int in = ::dup(config.read.get()), out = ::dup(report.write.get());
    ::dup2(output.write.get(), 1);
    int moved_in = ::fcntl(in, F_DUPFD, 100), moved_out = ::fcntl(out, F_DUPFD, 100);
    ::close_range(3, 99, 0);
    ::dup2(moved_in, 3);
    ::dup2(moved_out, 4);
    ::close_range(5, ~0U, 0);
    ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr);
    ::mount("proc", "/proc", "proc", 0, nullptr);
    set_loopback(true);
    ::_exit(is_sandbox_init() ? run_sandbox_init() : 99);
  }

  pid_t pid_ = -1;
  Fd output_, report_;
};

std::string shell_config(const std::string& script) {
  std::string escaped;
  for (char c : script) {
    if (c == '"' || c == '\\') escaped += '\\';
    escaped += c;
  }
  return R"({"sandbox_id":"s","access_token":"tok","entrypoint":["bash","-c",")" + escaped +
         R"("],"env":{"PATH":"/usr/bin:/bin","EXECD_ENVS":"/tmp/execd_init_test.env","JUPYTER_TOKEN":"x","FOO":"bar"},"cwd":"/usr"})";
}

class Init : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root for namespaces";
  }
  ~Init() override { ::unlink("/tmp/execd_init_test.env"); }
};

TEST_F(Init, RunsTheEntrypointAndEndsWithItsCode) {
  Sandboxed sandbox(shell_config(
      "pwd; echo $FOO ${JUPYTER_TOKEN-none} $(cat /proc/1/comm) $(cat /proc/self/oom_score_adj); exit 7"));
  ASSERT_TRUE(sandbox.runs());
  EXPECT_EQ(sandbox.report(), "R");
  EXPECT_EQ(sandbox.rest(), "/usr\nbar none execd 500\n");
  EXPECT_EQ(sandbox.exit_code(), 7);
}

TEST_F(Init, IsListeningWhenItReportsAndAsksForItsToken) {
  Sandboxed sandbox(
      shell_config("ask() { exec 3<>/dev/tcp/127.0.0.1/$1; printf 'GET %s HTTP/1.1\\r\\nHost: "
                   "x\\r\\nConnection: close\\r\\n\\r\\n' $2 >&3;"
                   " head -1 <&3; }; ask 44772 /ping; ask 44772 /metrics; exec 4<>/dev/tcp/127.0.0.1/44771 "
                   "&& echo jupyter"));
  EXPECT_EQ(sandbox.report(), "R");
  EXPECT_EQ(sandbox.rest(), "HTTP/1.1 200 OK\r\nHTTP/1.1 401 Unauthorized\r\njupyter\n");
  EXPECT_EQ(sandbox.exit_code(), 0);
}

TEST_F(Init, AMissingEntrypointIsReportedByName) {
  Sandboxed sandbox(R"({"entrypoint":["/nope/prog"],"env":{"EXECD_ENVS":"/tmp/execd_init_test.env"}})");
  EXPECT_EQ(sandbox.report(), "Estarting /nope/prog: no such program");
  EXPECT_EQ(sandbox.exit_code(), 127);
}

TEST_F(Init, ABadConfigurationIsOurFault) {
  Sandboxed sandbox("{\"entrypoint\":5}");
  EXPECT_THAT(sandbox.report(), StartsWith("F"));
  EXPECT_EQ(sandbox.exit_code(), 1);
}

TEST_F(Init, SignalsFromOutsideReachTheEntrypointThoseFromInsideDoNot) {
  Sandboxed sandbox(
      shell_config("trap 'echo term; exit 5' TERM; trap 'echo usr1' USR1; kill -TERM 1; kill -KILL 1; kill "
                   "-USR1 1; sleep 0.2; echo ready;"
                   "while :; do sleep 0.05; done"));
  EXPECT_EQ(sandbox.report(), "R");
  EXPECT_EQ(sandbox.line(), "ready");
  sandbox.signal(SIGUSR1);
  EXPECT_EQ(sandbox.line(), "usr1");
  sandbox.signal(SIGTERM);
  EXPECT_EQ(sandbox.line(), "term");
  EXPECT_EQ(sandbox.exit_code(), 5);
}

TEST_F(Init, ASenderThatIsForgedFromInsideIsNotOutside) {
  // sigqueue() lets its caller write "sender 0" into the signal.
  std::string forge = "import ctypes,struct;ctypes.CDLL(None).syscall(" +
                      std::to_string(SYS_rt_sigqueueinfo) + ",1,10,struct.pack('iii4xii104x',10,0,-1,0,0))";
  Sandboxed sandbox(shell_config("trap 'echo usr1' USR1; python3 -c \"" + forge +
                                 "\" && echo sent; sleep 0.2; echo ready; while :; do sleep 0.05; done"));
  EXPECT_EQ(sandbox.report(), "R");
  EXPECT_EQ(sandbox.line(), "sent");
  EXPECT_EQ(sandbox.line(), "ready");
  sandbox.signal(SIGUSR1);
  EXPECT_EQ(sandbox.line(), "usr1");
}

TEST_F(Init, AnEntrypointThatDiesOfASignal) {
  Sandboxed sandbox(shell_config("kill -9 $$"));
  EXPECT_EQ(sandbox.report(), "R");
  EXPECT_EQ(sandbox.exit_code(), 128 + SIGKILL);
}

TEST_F(Init, WithoutEntrypointItRunsUntilSigterm) {
  Sandboxed sandbox(R"({"env":{"EXECD_ENVS":"/tmp/execd_init_test.env"}})");
  EXPECT_EQ(sandbox.report(), "R");
  sandbox.signal(SIGTERM);
  EXPECT_EQ(sandbox.exit_code(), 0);
}

// Of an environment member: JSON inside of JSON.
std::string with_hooks(std::string config, const std::string& hooks) {
  std::string escaped;
  for (char c : hooks) {
    if (c == '"' || c == '\\') escaped += '\\';
    escaped += c;
  }
  config.insert(config.find("\"FOO\""),
                "\"HOME\":\"/nowhere\",\"OPENSANDBOX_LIFECYCLE\":\"" + escaped + "\",");
  return config;
}

TEST_F(Init, HooksRunAroundTheEntrypoint) {
  std::string hooks =
      R"({"preStart":{"command":["sh","-c","sleep 0.2; echo pre $FOO"]},)"
      R"--("periodic":[{"name":"tick","schedule":"1s","command":["sh","-c","echo tick; pkill -USR1 bash"]}]})--";
  Sandboxed sandbox(with_hooks(
      shell_config(
          "trap 'exit 4' USR1; echo main ${OPENSANDBOX_LIFECYCLE-none}; while :; do sleep 0.05; done"),
      hooks));
  EXPECT_EQ(sandbox.report(), "R");
  EXPECT_EQ(sandbox.rest(), "pre bar\nmain none\ntick\n");
  EXPECT_EQ(sandbox.exit_code(), 4);
}

TEST_F(Init, AHookThatFailsOrIsNotUnderstoodFailsTheStart) {
  Sandboxed failing(
      with_hooks(shell_config("echo never"), R"({"preStart":{"command":["sh","-c","exit 3"]}})"));
  EXPECT_EQ(failing.report(), "Erunning the hook preStart: exit status 3");
  EXPECT_EQ(failing.rest(), "");
  EXPECT_EQ(failing.exit_code(), 126);
  Sandboxed late(with_hooks(shell_config("echo never"),
                            R"({"preStart":{"command":["sleep","1000"],"timeoutSeconds":1}})"));
  EXPECT_EQ(late.report(), "Erunning the hook preStart: its time is over");
  Sandboxed missing(with_hooks(shell_config("echo never"), R"({"preStart":{"command":["/no/such"]}})"));
  EXPECT_EQ(missing.report(), "Erunning the hook preStart: starting /no/such: no such program");
  Sandboxed strange(with_hooks(shell_config("echo never"), R"({"preStart":5})"));
  EXPECT_THAT(strange.report(), HasSubstr("lifecycle.preStart: expected an object"));
  EXPECT_EQ(strange.exit_code(), 1);
}

TEST_F(Init, ALongHookDoesNotHoldTheReportBack) {
  Sandboxed sandbox(with_hooks(shell_config("echo main"),
                               R"({"preStart":{"command":["sh","-c","sleep 5.5; echo pre; exit 1"]}})"));
  EXPECT_EQ(sandbox.report(), "R");
  EXPECT_EQ(sandbox.rest(), "pre\n");
  EXPECT_EQ(sandbox.exit_code(), 126);
}

// A client inside asks for a command that outlives the entrypoint: it hears how that ended.
TEST_F(Init, RequestsMayEndAndProcessesAreToldBeforeTheSandboxEnds) {
  std::string request =
      "POST /command HTTP/1.1\\r\\nHost: x\\r\\nX-EXECD-ACCESS-TOKEN: tok\\r\\n"
      "Connection: close\\r\\nContent-Length: %d\\r\\n\\r\\n%s";
  Sandboxed sandbox(shell_config(
      "body='{\"argv\":[\"sh\",\"-c\",\"trap \\\"echo told; exit 9\\\" TERM; echo up; "
      "while :; do sleep 0.02; done\"]}'; (trap '' TERM; exec 3<>/dev/tcp/127.0.0.1/44772; printf '" +
      request +
      "' ${#body} \"$body\" >&3; while read -r line <&3; do case $line in *up*) echo up;; *told*) echo "
      "told;; *status*9*) echo ended;; esac; done) & sleep 0.6; exit 7"));
  EXPECT_EQ(sandbox.report(), "R");
  EXPECT_EQ(sandbox.rest(), "up\ntold\nended\n");
  EXPECT_EQ(sandbox.exit_code(), 7);
}

TEST_F(Init, ReapsOrphansAndLeavesNobodyBehind) {
  // The orphan holds the output open: the end of file proves that it is gone with the sandbox.
  Sandboxed sandbox(
      shell_config("(setsid sleep 1000 &); (sleep 0.05 & :); sleep 0.3; ps -eo stat= | grep -c Z; exit 3"));
  EXPECT_EQ(sandbox.report(), "R");
  EXPECT_EQ(sandbox.rest(), "0\n");
  EXPECT_EQ(sandbox.exit_code(), 3);
}

}  // namespace
}  // namespace osb::execd
