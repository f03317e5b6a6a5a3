// The program itself as the wrapper of an entrypoint: PID 1 of namespaces of its own, in a root that holds
// nothing but the two programs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#ifdef OSB_TEST_EXECD

#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/fd.h"
#include "execd/entrypoint.h"
#include "execd/process_for_tests.h"

namespace osb::execd {
namespace {

using ::testing::HasSubstr;
using Words = std::vector<std::string>;

std::vector<char*> pointers(Words& words) {
  std::vector<char*> out;
  for (std::string& word : words) out.push_back(word.data());
  out.push_back(nullptr);
  return out;
}

// execd with these arguments; its output is ours to read.
class Wrapped {
 public:
  // `root`: chroot there, with namespaces of its own. Empty: an ordinary process of ours.
  Wrapped(const std::string& root, const std::string& program, Words arguments, Words environment) {
    arguments.insert(arguments.begin(), program);
    auto argv = pointers(arguments), env = pointers(environment);
    Pipe output = make_pipe();
    unsigned long flags = root.empty() ? SIGCHLD : CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET | SIGCHLD;
    pid_ = static_cast<pid_t>(::syscall(SYS_clone, flags, nullptr, nullptr, nullptr, 0UL));
    if (pid_ == 0) {
      ::dup2(output.write.get(), 1);
      if (!root.empty()) {
        set_loopback(true);
        if (::chroot(root.c_str()) != 0 || ::chdir("/") != 0) ::_exit(98);
      }
      ::execve(program.c_str(), argv.data(), env.data());
      ::_exit(97);
    }
    output_ = std::move(output.read);
  }
  ~Wrapped() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  std::string line() {
    std::string out;
    for (char c; ::read(output_.get(), &c, 1) == 1 && c != '\n';) out += c;
    return out;
  }
  std::string rest() {
    std::string out;
    char buffer[4096];
    for (ssize_t n; (n = ::read(output_.get(), buffer, sizeof buffer)) > 0;)
      out.append(buffer, static_cast<size_t>(n));
    return out;
  }
  void signal(int number) { ::kill(pid_, number); }
  int exit_code() {
    int status = 0;
    ::waitpid(std::exchange(pid_, -1), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }

 private:
  pid_t pid_ = -1;
  Fd output_;
};

class Wrapper : public ::testing::Test {
 protected:
  Wrapper() : root_("/tmp/execd_wrapper_test." + std::to_string(::getpid())) {
    std::filesystem::create_directory(root_);
    std::filesystem::copy_file(OSB_TEST_EXECD, root_ + "/execd");
    std::filesystem::copy_file(OSB_TEST_ENTRYPOINT, root_ + "/app");
  }
  ~Wrapper() override { std::filesystem::remove_all(root_); }
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root for namespaces";
  }
  Wrapped start(Words app, Words environment = {}) {
    Words arguments = {"init", "--log-level", "error", "--", "/app"};
    arguments.insert(arguments.end(), app.begin(), app.end());
    return Wrapped(root_, "/execd", arguments, std::move(environment));
  }
  std::string root_;
};

TEST_F(Wrapper, EndsLikeItsEntrypointInAnEmptyRoot) {
  EXPECT_EQ(start({"exit", "7"}).exit_code(), 7);
  EXPECT_EQ(start({"exit", "0"}).exit_code(), 0);
  EXPECT_EQ(start({"kill", "9"}).exit_code(), 128 + 9);
  EXPECT_EQ(Wrapped(root_, "/execd", {"init", "--log-level=error", "--", "/none"}, {}).exit_code(), 127);
  EXPECT_EQ(Wrapped(root_, "/execd", {"init", "--log-level=error", "--", "/"}, {}).exit_code(), 126);
}

TEST_F(Wrapper, ServesInAnEmptyRootWithoutAShellOrDev) {
  std::string asked = R"({"argv":["/app","env","X"],"envs":{"X":"42"}})";
  Wrapped wrapped = start({"ask", "44772", "POST", "/command", asked});
  std::string answer = wrapped.rest();
  EXPECT_THAT(answer, HasSubstr("200 OK"));
  EXPECT_THAT(answer, HasSubstr(R"("text":"42\n")"));
  EXPECT_THAT(answer, HasSubstr(R"("type":"execution_complete")"));
  EXPECT_EQ(wrapped.exit_code(), 0);
  EXPECT_THAT(start({"ask", "44772", "GET", "/metrics"}).rest(), HasSubstr("cpu_count"));
}

TEST_F(Wrapper, ForwardsSignalsAndReapsOrphans) {
  Wrapped wrapped = start({"report"});
  EXPECT_EQ(wrapped.line(), "ready");
  for (int number : {SIGHUP, SIGUSR1, SIGUSR2, SIGWINCH, SIGINT}) {
    wrapped.signal(number);
    EXPECT_EQ(wrapped.line(), std::to_string(number));
  }
  wrapped.signal(SIGTERM);
  EXPECT_EQ(wrapped.exit_code(), 5);

  Wrapped parent = start({"orphan"});
  EXPECT_EQ(parent.line(), "ready");
  parent.signal(SIGTERM);
  EXPECT_EQ(parent.exit_code(), 0);
}

TEST_F(Wrapper, AProcessThatIsNotPid1DoesTheSame) {
  Wrapped wrapped("", OSB_TEST_EXECD,
                  {"--init", "--port=0", "--log-level=error", "--", OSB_TEST_ENTRYPOINT, "report"},
                  {"EXECD_ENVS=" + root_ + "/env"});
  EXPECT_EQ(wrapped.line(), "ready");
  wrapped.signal(SIGUSR1);
  EXPECT_EQ(wrapped.line(), std::to_string(SIGUSR1));
  wrapped.signal(SIGTERM);
  EXPECT_EQ(wrapped.exit_code(), 5);
}

TEST_F(Wrapper, TheEntrypointDoesNotSeeTheSecretsOfTheDaemon) {
  for (const char* name : {"EXECD_ACCESS_TOKEN", "JUPYTER_TOKEN", "EXECD_RUNTIME_INIT"}) {
    Wrapped wrapped = start({"env", name}, {std::string(name) + "=0", "OPENSANDBOX_ID=id"});
    EXPECT_EQ(wrapped.line(), "(none)") << name;
  }
  EXPECT_EQ(start({"env", "OPENSANDBOX_ID"}, {"OPENSANDBOX_ID=id"}).line(), "id");
}

TEST_F(Wrapper, ThePreStartHookBlocksTheEntrypointAndItsFailureEndsTheStart) {
  std::string hook = R"({"preStart":{"command":["/app","exit","0"]}})";
  EXPECT_EQ(start({"exit", "4"}, {"OPENSANDBOX_LIFECYCLE=" + hook}).exit_code(), 4);
  hook = R"({"preStart":{"command":["/app","exit","1"]}})";
  EXPECT_EQ(start({"exit", "4"}, {"OPENSANDBOX_LIFECYCLE=" + hook}).exit_code(), 126);
  EXPECT_EQ(start({"exit", "4"}, {"OPENSANDBOX_LIFECYCLE={"}).exit_code(), 1);
}

TEST_F(Wrapper, TheBootstrapScriptIsSourced) {
  std::string script = root_ + "/pre.sh";
  std::ofstream(script) << "export FROM_SCRIPT=yes\n";
  auto run = [&] {
    return Wrapped("", OSB_TEST_EXECD,
                   {"init", "--port=0", "--log-level=error", "--", OSB_TEST_ENTRYPOINT, "env", "FROM_SCRIPT"},
                   {"EXECD_BOOTSTRAP_PRE_SCRIPT=" + script, "EXECD_ENVS=" + root_ + "/env"});
  };
  EXPECT_EQ(run().line(), "yes");
  std::ofstream(script) << "exit 3\n";
  EXPECT_EQ(run().exit_code(), 3);
}

TEST_F(Wrapper, AtTheEndStreamsStillHearHowTheirCommandEnded) {
  std::string port = std::to_string(free_port());
  Wrapped daemon("", OSB_TEST_EXECD,
                 {"--port=" + port, "--log-level=error", "--graceful-shutdown-timeout=50ms"},
                 {"EXECD_ENVS=" + root_ + "/env", "PATH=/usr/bin:/bin", "JUPYTER_PORT=0"});
  auto ask = [&](const std::string& method, const std::string& path, const std::string& body) {
    return std::make_unique<Wrapped>("", OSB_TEST_ENTRYPOINT, Words{"ask", port, method, path, body},
                                     Words{});
  };
  for (int i = 0; i < 1000 && ask("GET", "/ping", "")->exit_code() != 0; ++i) ::usleep(20000);
  auto client = ask("POST", "/command", R"({"argv":["sleep","1009"]})");
  while (client->line().find("init") == std::string::npos) {}
  daemon.signal(SIGTERM);
  EXPECT_THAT(client->rest(), HasSubstr("signal: terminated"));
  EXPECT_EQ(daemon.exit_code(), 0);
}

TEST_F(Wrapper, AnIsolationConfigurationIsSaidToHaveNoEffect) {
  for (bool by_flag : {true, false}) {
    Words arguments = {"init", "--port=0", "--log-level=warn"};
    Words environment = {"EXECD_ENVS=" + root_ + "/env", "OPENSANDBOX_LOG_OUTPUT=stdout", "JUPYTER_PORT=0"};
    if (by_flag)
      arguments.push_back("--isolation-config=/etc/iso.toml");
    else
      environment.push_back("EXECD_ISOLATION_CONFIG=/etc/iso.toml");
    for (const char* word : {"--", OSB_TEST_ENTRYPOINT, "exit", "0"}) arguments.push_back(word);
    Wrapped wrapped("", OSB_TEST_EXECD, arguments, environment);
    std::string log = wrapped.rest();
    EXPECT_THAT(log, HasSubstr("their configuration has no effect"));
    EXPECT_EQ(log.find("has no effect"), log.rfind("has no effect"));
    EXPECT_THAT(log, HasSubstr("/etc/iso.toml"));
    EXPECT_EQ(wrapped.exit_code(), 0);
  }
}

TEST(EntrypointCommand, IsThatOfTheStartScript) {
  Environment plain = {{"BOOTSTRAP_SHELL", "/bin/mysh"}};
  EXPECT_EQ(entrypoint_command({"a", "b"}, plain), (Words{"a", "b"}));
  EXPECT_EQ(entrypoint_command({"-c", "a", "b"}, plain), (Words{"/bin/mysh", "-c", "a b"}));
  EXPECT_EQ(entrypoint_command({}, plain), (Words{"/bin/mysh"}));
  Environment text = {{"BOOTSTRAP_SHELL", "/bin/mysh"}, {"BOOTSTRAP_CMD", "x; y"}};
  EXPECT_EQ(entrypoint_command({"a"}, text), (Words{"/bin/mysh", "-c", "x; y"}));
}

}  // namespace
}  // namespace osb::execd

#endif
