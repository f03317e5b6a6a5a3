#include "sys/cgroup.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <optional>
#include <string>

#include "base/error.h"
#include "sys/pidfd.h"

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
  try {
    tree.create("a", {.memory_bytes = 1 << 20});
    FAIL() << "a sandbox without the ceiling it was to have";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::unsupported);
  }
  EXPECT_TRUE(tree.list().empty());
  tree.remove();
  EXPECT_EQ(::rmdir(root.c_str()), 0);
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

class LiveCgroup : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    tree_.emplace("opensandbox-test-" + std::to_string(::getpid()));
  }
  void TearDown() override {
    if (tree_) tree_->remove();
  }
  std::optional<CgroupTree> tree_;
};

TEST_F(LiveCgroup, LimitsProcesses) {
  Cgroup group = tree_->create("a", {.pids = 3});
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
  Cgroup group = tree_->create("b", {.memory_bytes = 32 << 20});
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

TEST_F(LiveCgroup, FreezesAndKillsTheFrozen) {
  Cgroup group = tree_->create("c", {});
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
  { Cgroup group = tree_->create("d", {}); }
  EXPECT_EQ(tree_->list(), std::vector<std::string>{"d"});
  EXPECT_TRUE(tree_->adopt("d").try_remove());
  EXPECT_TRUE(tree_->list().empty());
}

}  // namespace
}  // namespace osb::sys
