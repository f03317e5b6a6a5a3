#include "execd/process_tree.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys/child.h"
#include "sys/pidfd.h"

namespace osb::execd {
namespace {

TEST(ProcessStat, SurvivesAnyProcessName) {
  ProcessStat stat = parse_process_stat(
      "42 (a) b (c)) S 7 40 41 0 -1 4194560 100 200 0 0 11 12 13 14 20 0 1 0 12345 99999 321 "
      "18446744073709551615 1 1");
  EXPECT_EQ(stat.pid, 42);
  EXPECT_EQ(stat.state, 'S');
  EXPECT_EQ(stat.parent, 7);
  EXPECT_EQ(stat.group, 40);
  EXPECT_EQ(stat.session, 41);
  EXPECT_EQ(stat.cpu_ticks, 11u + 12 + 13 + 14);
  EXPECT_EQ(stat.resident_pages, 321u);
  EXPECT_EQ(parse_process_stat("nonsense").pid, 0);
  EXPECT_EQ(parse_process_stat("1 (x)").pid, 0);
}

TEST(ProcessTree, ReachesDescendantsThatLeftTheGroup) {
  Pipe pipe = make_pipe();
  sys::ChildSpec spec;
  spec.program = "/bin/sh";
  spec.argv = {"sh", "-c", "setsid sleep 1000 >&3 & sleep 1000 & echo ready >&3; wait"};
  spec.env = {"PATH=/usr/bin:/bin"};
  spec.fds = {{3, pipe.write.get()}};
  sys::Child child = sys::start_child(spec);
  pipe.write.reset();
  char buffer[16];
  ASSERT_GT(::read(pipe.read.get(), buffer, sizeof buffer), 0);
  // setsid(1) may still be on its way to a session of its own; the tree must reach it either way.
  ProcessTree tree(child.pid);
  EXPECT_TRUE(tree.group_alive());
  tree.signal(SIGKILL);
  int status = 0;
  ::waitpid(child.pid, &status, 0);
  EXPECT_EQ(WTERMSIG(status), SIGKILL);
  // Every holder of the pipe is gone: end of file.
  EXPECT_EQ(::read(pipe.read.get(), buffer, sizeof buffer), 0);
}

TEST(ProcessTree, FindsOrphansByTheirSessionAndHandsThemOver) {
  Pipe pipe = make_pipe();
  sys::ChildSpec spec;
  spec.program = "/bin/sh";
  spec.argv = {"sh", "-c", "(sleep 1000 >&3 &); echo ready >&3; sleep 1000"};
  spec.env = {"PATH=/usr/bin:/bin"};
  spec.fds = {{3, pipe.write.get()}};
  spec.new_session = true;
  sys::Child child = sys::start_child(spec);
  pipe.write.reset();
  char buffer[16];
  ASSERT_GT(::read(pipe.read.get(), buffer, sizeof buffer), 0);
  ::kill(child.pid, SIGKILL);
  ::waitpid(child.pid, nullptr, 0);
  ProcessTree tree(child.pid);  // nobody is its child any more
  std::vector<Fd> left = tree.release();
  EXPECT_GE(left.size(), 1u);
  EXPECT_TRUE(tree.release().empty());
  for (const Fd& process : left) sys::send_signal(process, SIGKILL);
  EXPECT_EQ(::read(pipe.read.get(), buffer, sizeof buffer), 0);
}

}  // namespace
}  // namespace osb::execd
