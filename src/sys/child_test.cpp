#include "sys/child.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

namespace osb::sys {
namespace {

struct Outcome {
  ExitStatus status;
  std::string output;
};

std::string read_all(int fd) {
  std::string out;
  char buffer[4096];
  for (ssize_t n; (n = ::read(fd, buffer, sizeof buffer)) > 0;) out.append(buffer, static_cast<size_t>(n));
  return out;
}

ExitStatus wait_for(pid_t pid) {
  int status = 0;
  ::waitpid(pid, &status, 0);
  return exit_status_of(status);
}

// Runs to the end with stdout and stderr in a pipe.
Outcome run(ChildSpec spec) {
  Pipe pipe = make_pipe();
  spec.fds.emplace_back(1, pipe.write.get());
  spec.fds.emplace_back(2, pipe.write.get());
  Child child = start_child(spec);
  pipe.write.reset();
  Outcome out;
  out.output = read_all(pipe.read.get());
  out.status = wait_for(child.pid);
  return out;
}

ChildSpec shell(std::string script) {
  ChildSpec spec;
  spec.program = "/bin/sh";
  spec.argv = {"sh", "-c", std::move(script)};
  spec.env = {"PATH=/usr/bin:/bin"};
  return spec;
}

Error error_of(const ChildSpec& spec) {
  try {
    start_child(spec);
  } catch (const Error& error) {
    return error;
  }
  return Error(ErrorCode::internal, "no error");
}

TEST(Child, RunsAProgramFoundInThePathOfItsOwnEnvironment) {
  ChildSpec spec;
  spec.program = "echo";
  spec.argv = {"echo", "one two", ""};
  spec.env = {"PATH=/nowhere:/bin"};
  Outcome out = run(spec);
  EXPECT_EQ(out.output, "one two \n");
  EXPECT_EQ(out.status.text(), "exit status 0");
}

TEST(Child, ReportsTheExitStatus) { EXPECT_EQ(run(shell("exit 7")).status.code, 7); }

TEST(Child, ReportsTheSignalThatEndedIt) {
  ExitStatus status = run(shell("kill -9 $$")).status;
  EXPECT_EQ(status.code, -1);
  EXPECT_EQ(status.signal, SIGKILL);
  EXPECT_EQ(status.text(), "signal: killed");
  EXPECT_EQ((ExitStatus{-1, SIGSEGV, true}).text(), "signal: segmentation fault (core dumped)");
}

TEST(Child, AMissingProgramIsNotFoundAndLeavesNoProcess) {
  ChildSpec spec = shell("");
  spec.program = "nope-nope";
  EXPECT_EQ(error_of(spec).code(), ErrorCode::not_found);
  EXPECT_EQ(error_of(spec).message(), "starting nope-nope: no such program");
  spec.program = "/nope/nope";
  EXPECT_EQ(error_of(spec).message(), "starting /nope/nope: no such program");
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);  // nothing to reap
}

TEST(Child, AFileThatCannotRunIsInvalid) {
  ChildSpec spec = shell("");
  spec.program = "/etc/passwd";
  EXPECT_EQ(error_of(spec).code(), ErrorCode::invalid);
  spec.program = "/";
  EXPECT_EQ(error_of(spec).code(), ErrorCode::invalid);
}

TEST(Child, AMissingInterpreterIsNotAMissingProgram) {
  char path[] = "/tmp/child_test_XXXXXX";
  Fd file(::mkstemp(path));
  ASSERT_EQ(::write(file.get(), "#!/nope/sh\n", 11), 11);
  ::fchmod(file.get(), 0755);
  file.reset();
  ChildSpec spec = shell("");
  spec.program = path;
  Error error = error_of(spec);
  ::unlink(path);
  EXPECT_EQ(error.code(), ErrorCode::invalid);
  EXPECT_NE(error.message().find("interpreter"), std::string::npos);
}

TEST(Child, AMissingDirectoryIsNotFound) {
  ChildSpec spec = shell("pwd");
  spec.cwd = "/none";
  Error error = error_of(spec);
  EXPECT_EQ(error.code(), ErrorCode::not_found);
  EXPECT_NE(error.message().find("working directory /none"), std::string::npos);
  spec.cwd = "/usr";
  EXPECT_EQ(run(spec).output, "/usr\n");
}

TEST(Child, RelativeProgramsAreThoseOfTheWorkingDirectory) {
  ChildSpec spec = shell("echo here");
  spec.cwd = "/usr";
  spec.program = "bin/sh";
  EXPECT_EQ(run(spec).output, "here\n");
}

TEST(Child, NulInAnArgumentIsRefused) {
  ChildSpec spec = shell(std::string("a\0b", 3));
  EXPECT_EQ(error_of(spec).code(), ErrorCode::invalid);
}

TEST(Child, SeesOnlyTheDescriptorsItWasGiven) {
  Fd extra(::open("/dev/null", O_RDONLY));  // inheritable on purpose
  Outcome out = run(shell("ls /proc/self/fd | tr '\\n' ' '; readlink /proc/self/fd/0"));
  EXPECT_EQ(out.output, "0 1 2 3 /dev/null\n");  // 3 is the directory that ls reads
}

TEST(Child, DescriptorsMaySwapPlaces) {
  Pipe a = make_pipe(), b = make_pipe();
  int low = a.write.get(), high = b.write.get();
  ChildSpec spec = shell("echo A >&" + std::to_string(high) + "; echo B >&" + std::to_string(low));
  spec.fds = {{high, low}, {low, high}};  // each source sits on the other's target
  Child child = start_child(spec);
  a.write.reset();
  b.write.reset();
  EXPECT_EQ(read_all(a.read.get()), "A\n");
  EXPECT_EQ(read_all(b.read.get()), "B\n");
  EXPECT_EQ(wait_for(child.pid).code, 0);
}

TEST(Child, SignalsAreAsTheyAreForAFreshProgram) {
  ::signal(SIGPIPE, SIG_IGN);
  sigset_t blocked, before;
  ::sigemptyset(&blocked);
  ::sigaddset(&blocked, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &blocked, &before);
  Outcome out = run(shell("grep -E 'SigBlk|SigIgn' /proc/self/status"));
  sigset_t still;
  ::pthread_sigmask(SIG_SETMASK, &before, &still);
  EXPECT_EQ(::sigismember(&still, SIGTERM), 1);  // ours is restored
  EXPECT_EQ(out.output, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
}

// What is changed is looked for once, at the first start: these are what our programs change later.
TEST(Child, SignalsThatAreIgnoredLaterAreResetToo) {
  EXPECT_EQ(run(shell("true")).status.code, 0);
  constexpr int kLater[] = {SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGPIPE, SIGTERM, SIGWINCH};
  for (int signal : kLater) ::signal(signal, SIG_IGN);
  Outcome out = run(shell("grep SigIgn /proc/self/status"));
  for (int signal : kLater) ::signal(signal, SIG_DFL);
  EXPECT_EQ(out.output, "SigIgn:\t0000000000000000\n");
}

TEST(Child, LeadsItsOwnGroupOrSession) {
  std::string script =
      "read a b c d group session rest < /proc/self/stat; read self rest2 < /proc/self/stat;"
      "echo $((group == $$)) $((session == $$))";
  EXPECT_EQ(run(shell(script)).output, "1 0\n");
  ChildSpec spec = shell(script);
  spec.new_session = true;
  EXPECT_EQ(run(spec).output, "1 1\n");
}

TEST(Child, EndsWithUsWhenAskedTo) {
  for (bool asked : {true, false}) {
    Pipe pids = make_pipe(), go = make_pipe();
    pid_t starter = ::fork();
    if (starter == 0) {
      go.write = {};
      ChildSpec spec = shell("sleep 60");
      spec.ends_with_us = asked;
      Child child = start_child(spec);
      ssize_t told = ::write(pids.write.get(), &child.pid, sizeof child.pid);
      char none;
      ::_exit(told > 0 && ::read(go.read.get(), &none, 1) == 0 ? 0 : 1);
    }
    pid_t pid = 0;
    ASSERT_EQ(::read(pids.read.get(), &pid, sizeof pid), static_cast<ssize_t>(sizeof pid));
    Fd child(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    ASSERT_TRUE(child);
    go.write = {};
    ASSERT_EQ(::waitpid(starter, nullptr, 0), starter);
    pollfd ended{child.get(), POLLIN, 0};
    EXPECT_EQ(::poll(&ended, 1, asked ? 10'000 : 100), asked ? 1 : 0);
    ::kill(pid, SIGKILL);
  }
}

TEST(Child, RaisesItsOwnOomScoreOnly) {
  auto ours = [] {
    Fd fd(::open("/proc/self/oom_score_adj", O_RDONLY));
    return read_all(fd.get());
  };
  std::string before = ours();
  ChildSpec spec = shell("cat /proc/self/oom_score_adj");
  spec.oom_score_adj = 500;
  EXPECT_EQ(run(spec).output, "500\n");
  EXPECT_EQ(ours(), before);
}

TEST(Child, GetsItsOwnLimitOfOpenFiles) {
  ChildSpec spec = shell("ulimit -Sn");
  spec.open_files = 77;
  EXPECT_EQ(run(spec).output, "77\n");
}

TEST(Child, ItsLimitOfOpenFilesMayBeBelowWhatWeHaveOpen) {
  std::vector<Fd> ours;
  for (int i = 0; i < 100; ++i) ours.emplace_back(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  ChildSpec spec = shell("ulimit -Sn");
  spec.open_files = 50;
  EXPECT_EQ(run(spec).output, "50\n");
}

TEST(Child, TheIdThatMeansUnchangedIsRefused) {
  ChildSpec spec = shell("id -u");
  spec.uid = UINT32_MAX;
  EXPECT_EQ(error_of(spec).code(), ErrorCode::invalid);
  spec.uid = 65534;
  spec.gid = UINT32_MAX;
  EXPECT_EQ(error_of(spec).code(), ErrorCode::invalid);
}

TEST(Child, ChangesUserGroupAndSupplementaryGroups) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  ChildSpec spec = shell("grep -E '^(Uid|Gid|Groups)' /proc/self/status | tr -s '\\t ' ' '");
  spec.uid = 65534;
  spec.gid = 65533;
  spec.groups = {5, 6};
  EXPECT_EQ(run(spec).output, "Uid: 65534 65534 65534 65534\nGid: 65533 65533 65533 65533\nGroups: 5 6 \n");
  EXPECT_EQ(::geteuid(), 0u);
}

TEST(Child, PidfdTellsTheEndOfTheLeader) {
  Child child = start_child(shell("exit 0"));
  if (!child.pidfd) GTEST_SKIP() << "kernel without pidfd";
  pollfd waiting{child.pidfd.get(), POLLIN, 0};
  EXPECT_EQ(::poll(&waiting, 1, 10000), 1);
  wait_for(child.pid);
}

}  // namespace
}  // namespace osb::sys
