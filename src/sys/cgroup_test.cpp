#include "sys/cgroup.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <optional>
#include <string>

#include "base/error.h"
#include "sys/pidfd.h"
#include "sys/text_file.h"

namespace osb::sys {
namespace {

TEST(CgroupMounts, UnifiedOnly) {
  auto mounts =
      find_cgroup_mounts("30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n",
                         "cpuset cpu io memory pids\n");
  ASSERT_EQ(mounts.size(), 1u);
  EXPECT_EQ(mounts[0], (CgroupMount{"/sys/fs/cgroup", true, true, true, true, true}));
}

TEST(CgroupMounts, HybridFreezesThroughTheUnifiedTree) {
  auto mounts = find_cgroup_mounts(
      "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n"
      "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw shared:9 - cgroup cgroup rw,cpu,cpuacct\n"
      "34 31 0:31 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n"
      "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
      "36 31 0:33 / /sys/fs/cgroup/freezer rw - cgroup cgroup rw,freezer\n"
      "37 31 0:34 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n"
      "38 31 0:35 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n",
      "");
  ASSERT_EQ(mounts.size(), 4u);
  EXPECT_TRUE(mounts[0].cpu && !mounts[0].v2);
  EXPECT_TRUE(mounts[1].memory);
  EXPECT_TRUE(mounts[2].pids);
  EXPECT_EQ(mounts[3], (CgroupMount{"/sys/fs/cgroup/unified", true, false, false, false, true}));
}

TEST(CgroupMounts, LegacyOnlyUsesItsFreezer) {
  auto mounts = find_cgroup_mounts("36 31 0:33 / /c/freezer rw - cgroup cgroup rw,freezer\n", "");
  ASSERT_EQ(mounts.size(), 1u);
  EXPECT_TRUE(mounts[0].freezer && !mounts[0].v2);
  EXPECT_TRUE(find_cgroup_mounts("garbage\n - \n1 2 3 - cgroup\n", "").empty());
}

TEST(CgroupTree, ALimitThatCannotBeEnforcedIsRefused) {
  std::string root = testing::TempDir() + "osb-cgroup-" + std::to_string(::getpid());
  ASSERT_EQ(::mkdir(root.c_str(), 0700), 0);
  CgroupTree tree("t", {{.path = root, .v2 = true, .freezer = true}});
  Cgroup group = tree.create("a");
  try {
    group.limit({.memory_bytes = 1 << 20});
    FAIL() << "a sandbox without the ceiling it was to have";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::unsupported);
  }
  EXPECT_TRUE(group.try_remove());
  EXPECT_TRUE(tree.list().empty());
  tree.remove();
  EXPECT_EQ(::rmdir(root.c_str()), 0);
}

TEST(CgroupTree, AControllerThatCannotBeHandedOnIsNotUsed) {
  std::string root = testing::TempDir() + "osb-cgroup-none-" + std::to_string(::getpid());
  ASSERT_EQ(::mkdir(root.c_str(), 0700), 0);  // no file of a control group in it
  CgroupTree tree("t", {{.path = root, .v2 = true, .memory = true, .pids = true}});
  Cgroup group = tree.create("a");
  try {
    group.limit({.pids = 10});
    FAIL() << "a sandbox without the ceiling it was to have";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::unsupported) << e.message();
  }
  EXPECT_TRUE(group.try_remove());
  tree.remove();
  EXPECT_EQ(::rmdir(root.c_str()), 0);
}

// The group that a container sees as its root: it holds processes, which keeps it from handing controllers
// on.
TEST(CgroupTree, ProcessesInTheWayOfControllersMoveDown) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  std::string root;
  for (const CgroupMount& mount : find_cgroup_mounts())
    if (mount.v2) root = mount.path;
  std::string names = try_read_text(AT_FDCWD, root + "/cgroup.controllers").value_or("");
  std::string name = names.substr(0, names.find_first_of(" \n"));
  if (root.empty() || name.empty()) GTEST_SKIP() << "no v2 tree with a controller";
  bool on = (" " + try_read_text(AT_FDCWD, root + "/cgroup.subtree_control").value_or("")).find(" " + name) !=
            std::string::npos;
  ASSERT_EQ(enable_controllers(root, {name}), std::vector<std::string>{name});

  std::string group = root + "/osb-test-" + std::to_string(::getpid());
  ASSERT_EQ(::mkdir(group.c_str(), 0755), 0);
  Fd directory(::open(group.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)), pidfd;
  pid_t pid = clone_process(0, directory.get(), pidfd);
  if (pid == 0) {
    ::pause();
    ::_exit(0);
  }
  EXPECT_EQ(enable_controllers(group, {name}), std::vector<std::string>{name});
  EXPECT_EQ(read_text(AT_FDCWD, group + "/opensandbox-others/cgroup.procs"), std::to_string(pid) + "\n");
  EXPECT_EQ(read_text(AT_FDCWD, group + "/cgroup.subtree_control"), name + "\n");
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
  EXPECT_EQ(::rmdir((group + "/opensandbox-others").c_str()), 0);
  EXPECT_EQ(::rmdir(group.c_str()), 0);
  if (!on) try_write_text(AT_FDCWD, root + "/cgroup.subtree_control", "-" + name);
}

// Runs `body` in a process inside the groups.
pid_t run_inside(Cgroup& group, Fd& pidfd, void (*body)()) {
  pid_t pid = clone_process(0, group.clone_fd(), pidfd);
  if (pid != 0) return pid;
  for (const Fd& entry : group.entry_fds())
    if (::write(entry.get(), "0", 1) != 1) ::_exit(99);
  body();
  ::_exit(0);
}

int wait_for(const Fd& pidfd) {
  for (;;) {
    if (auto status = try_reap(pidfd)) return *status;
    ::usleep(1000);
  }
}

template <class F>
bool eventually(F&& condition) {
  for (int i = 0; i < 3000; i++) {
    if (condition()) return true;
    ::usleep(1000);
  }
  return false;
}

int report[2], go[2];  // between a test and the process inside

class LiveCgroup : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    ASSERT_TRUE(::pipe2(report, O_CLOEXEC) == 0 && ::pipe2(go, O_CLOEXEC) == 0);
    tree_.emplace("opensandbox-test-" + std::to_string(::getpid()));
  }
  void TearDown() override {
    if (!tree_) return;
    tree_->remove();
    for (int fd : {report[0], report[1], go[0], go[1]}) ::close(fd);
  }
  std::optional<CgroupTree> tree_;
};

TEST_F(LiveCgroup, LimitsProcesses) {
  Cgroup group = tree_->create("a");
  group.limit({.pids = 3});
  EXPECT_EQ(tree_->list(), std::vector<std::string>{"a"});
  Fd pidfd;
  run_inside(group, pidfd, [] {
    int made = 0;
    for (int i = 0; i < 10; i++) {
      pid_t child = ::fork();
      if (child == 0) {
        ::pause();
        ::_exit(0);
      }
      if (child > 0) made++;
    }
    ::_exit(made);
  });
  EXPECT_EQ(wait_for(pidfd), 2 << 8);
  EXPECT_FALSE(group.try_remove()) << "its children are still there";
  group.kill();
  EXPECT_TRUE(eventually([&] { return group.try_remove(); }));
  EXPECT_TRUE(tree_->list().empty());
}

TEST_F(LiveCgroup, LimitsMemoryAndCountsOomKills) {
  Cgroup group = tree_->create("b");
  group.limit({.memory_bytes = 32 << 20});
  Fd pidfd;
  run_inside(group, pidfd, [] {
    for (;;) {
      volatile char* block =
          static_cast<char*>(malloc(1 << 20));  // else the compiler drops what nobody reads
      for (int i = 0; i < 1 << 20; i += 4096) block[i] = 1;
    }
  });
  EXPECT_EQ(wait_for(pidfd) & 0x7f, SIGKILL);
  EXPECT_GE(group.oom_kills(), 1);
  EXPECT_TRUE(eventually([&] { return group.try_remove(); }));
}

// What programs read and wrote stays cached until the memory is needed: it must not count against a ceiling
// over all sandboxes.
TEST_F(LiveCgroup, PageCacheIsNotMemoryInUse) {
  Cgroup group = tree_->create("cache");
  Fd pidfd;
  run_inside(group, pidfd, [] {
    int fd = ::open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    static char block[1 << 20];
    memset(block, 'x', sizeof block);
    for (int i = 0; i < 48; i++)
      if (::write(fd, block, sizeof block) != sizeof block) ::_exit(1);
    ::_exit(::write(report[1], "w", 1) == 1 && ::read(go[0], block, 1) == 1 ? 0 : 1);
  });
  char byte;
  ASSERT_EQ(::read(report[0], &byte, 1), 1);
  ASSERT_TRUE(tree_->memory_use());
  EXPECT_LT(*tree_->memory_use(), 16 << 20);
  ASSERT_EQ(::write(go[1], "g", 1), 1);
  EXPECT_EQ(wait_for(pidfd), 0);
  EXPECT_TRUE(eventually([&] { return group.try_remove(); }));
}

TEST_F(LiveCgroup, CeilingsBeyondAnyMachineAreNoCeilings) {
  Cgroup group = tree_->create("huge");
  group.limit({.cpu_millis = INT64_MAX});
  EXPECT_TRUE(group.try_remove());
}

TEST_F(LiveCgroup, FreezesAndKillsTheFrozen) {
  Cgroup group = tree_->create("c");
  Fd pidfd;
  run_inside(group, pidfd, [] {
    for (;;) ::usleep(100);
  });
  EXPECT_FALSE(group.frozen());
  group.freeze(true);
  EXPECT_TRUE(eventually([&] { return group.frozen(); }));
  group.freeze(false);
  EXPECT_TRUE(eventually([&] { return !group.frozen(); }));
  group.freeze(true);
  group.kill();
  EXPECT_EQ(wait_for(pidfd) & 0x7f, SIGKILL);
  EXPECT_TRUE(eventually([&] { return group.try_remove(); }));
}

TEST_F(LiveCgroup, AdoptsWhatAnEarlierProcessLeft) {
  { Cgroup group = tree_->create("d"); }
  EXPECT_EQ(tree_->list(), std::vector<std::string>{"d"});
  EXPECT_TRUE(tree_->adopt("d").try_remove());
  EXPECT_TRUE(tree_->list().empty());
}

}  // namespace
}  // namespace osb::sys
