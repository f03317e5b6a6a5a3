#include "execd/session/run_processes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

namespace osb::execd {
namespace {

ProcessStat process(pid_t pid, pid_t parent, uint64_t ticks, pid_t group = 10, char state = 'S') {
  ProcessStat out;
  out.pid = pid;
  out.parent = parent;
  out.group = group;
  out.state = state;
  out.start_ticks = ticks;
  return out;
}

std::vector<pid_t> found(const std::vector<ProcessStat>& all, const RunStart& start) {
  std::vector<pid_t> out;
  for (const ProcessStat& p : run_processes(all, 10, start)) out.push_back(p.pid);
  return out;
}

TEST(RunProcesses, AreWhatTheShellStartedSince) {
  pid_t us = ::getpid();
  std::vector<ProcessStat> all = {process(31, 30, 120),      // before its parent in the list
                                  process(10, us, 50),       // the shell
                                  process(20, 10, 90),       // left in the background by an earlier run
                                  process(21, 20, 130),      // and what that started meanwhile
                                  process(30, 10, 110),      // of this run
                                  process(32, 31, 121, 32),  // in a group of its own
                                  process(33, us, 115),      // lost its parent
                                  process(34, us, 80),       // of an earlier run, the same
                                  process(35, 10, 116, 10, 'Z'), process(40, us, 130, 40),  // somebody else
                                  process(22, 10, 100),          process(36, 10, 100)};
  EXPECT_THAT(found(all, {100, {20, 22}}), ::testing::ElementsAre(30, 31, 32, 33, 36));
}

TEST(RunProcesses, KnowsTheChildrenOfAProcess) {
  pid_t child = ::fork();
  if (child == 0) {
    ::pause();
    ::_exit(0);
  }
  RunStart start = run_start(::getpid());
  ProcessStat stat = read_process(child);
  EXPECT_EQ(stat.pid, child);
  EXPECT_LE(stat.start_ticks, start.ticks);
  EXPECT_GT(stat.start_ticks + 1000, start.ticks);
  EXPECT_TRUE(start.children.contains(child));
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  EXPECT_EQ(read_process(child).pid, 0);
}

}  // namespace
}  // namespace osb::execd
