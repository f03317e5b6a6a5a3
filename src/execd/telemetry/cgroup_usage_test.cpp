#include "execd/telemetry/cgroup_usage.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace osb::execd {
namespace {

constexpr const char* kV1Mounts =
    "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n"
    "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
    "35 31 0:32 / /sys/fs/cgroup/memory rw shared:3 - cgroup cgroup rw,memory\n"
    "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";

TEST(GroupPlaces, FindsEachControllerWhereItIs) {
  GroupPlaces places = find_group_places(kV1Mounts, "4:memory:/a/b\n2:cpu,cpuacct:/c\n0::/user\n");
  EXPECT_EQ(places.memory, "/sys/fs/cgroup/memory/a/b");
  EXPECT_EQ(places.cpu, "/sys/fs/cgroup/cpu,cpuacct/c");
  EXPECT_EQ(places.cpu_time, places.cpu);
  EXPECT_EQ(places.memory_top, "/sys/fs/cgroup/memory");
  EXPECT_FALSE(places.memory_v2 || places.cpu_v2);

  places = find_group_places("30 20 0:26 / /sys/fs/cgroup ro - cgroup2 cgroup rw\n", "0::/\n");
  EXPECT_EQ(places.memory, "/sys/fs/cgroup");
  EXPECT_TRUE(places.memory_v2 && places.cpu_v2);
}

TEST(GroupPlaces, AMountMayBeginAtTheGroupOfAContainer) {
  GroupPlaces places =
      find_group_places("35 31 0:32 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n",
                        "4:memory:/docker/abc\n");
  EXPECT_EQ(places.memory, "/sys/fs/cgroup/memory");
  places = find_group_places("35 31 0:32 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n",
                             "4:memory:/docker/abc/x\n");
  EXPECT_EQ(places.memory, "/sys/fs/cgroup/memory/x");
}

TEST(GroupPlaces, NothingIsFoundWhereNothingIsMounted) {
  for (const char* mounts :
       {"", "nonsense", "30 20 0:26 / /sys - sysfs sysfs rw\n", "- cgroup", " - cgroup2 x y"}) {
    GroupPlaces places = find_group_places(mounts, "4:memory:/a\n0::/\n");
    EXPECT_EQ(places.memory + places.cpu, "") << mounts;
  }
  EXPECT_EQ(find_group_places(kV1Mounts, "nonsense\n:\n").memory, "");
}

class CgroupUsageTest : public ::testing::Test {
 protected:
  CgroupUsageTest() : root_("/tmp/execd_cgroup_test." + std::to_string(::getpid())) {}
  ~CgroupUsageTest() override { std::filesystem::remove_all(root_); }
  void put(const std::string& path, const std::string& text) {
    std::filesystem::create_directories(std::filesystem::path(root_ + path).parent_path());
    std::ofstream(root_ + path) << text;
  }
  std::string root_;
};

TEST_F(CgroupUsageTest, ReadsV1WithTheStrictestLimitOfTheGroupsAbove) {
  put("/proc/self/mountinfo", kV1Mounts);
  put("/proc/self/cgroup", "4:memory:/a/b\n2:cpu,cpuacct:/c\n0::/\n");
  put("/sys/fs/cgroup/memory/a/memory.limit_in_bytes", "1000000\n");
  put("/sys/fs/cgroup/memory/a/b/memory.limit_in_bytes", "9223372036854771712\n");
  put("/sys/fs/cgroup/memory/a/b/memory.usage_in_bytes", "700\n");
  put("/sys/fs/cgroup/memory/a/b/memory.stat", "inactive_file 1\ntotal_inactive_file 200\n");
  put("/sys/fs/cgroup/cpu,cpuacct/c/cpu.cfs_quota_us", "150000\n");
  put("/sys/fs/cgroup/cpu,cpuacct/c/cpu.cfs_period_us", "100000\n");
  put("/sys/fs/cgroup/cpu,cpuacct/c/cpuacct.usage", "5000000\n");
  GroupUsage usage = CgroupUsage(root_).read();
  EXPECT_EQ(usage.memory_limit, 1000000);
  EXPECT_EQ(usage.memory_bytes, 500);
  EXPECT_EQ(usage.cpu_millis, 1500);
  EXPECT_EQ(usage.cpu_time_us, 5000u);
}

TEST_F(CgroupUsageTest, TheRootGroupOfTheMachineIsNotOurs) {
  put("/proc/self/mountinfo", kV1Mounts);
  put("/proc/self/cgroup", "4:memory:/\n2:cpu,cpuacct:/\n0::/\n");
  for (const char* controller : {"memory", "cpu,cpuacct"})
    put("/sys/fs/cgroup/" + std::string(controller) + "/release_agent", "\n");
  put("/sys/fs/cgroup/memory/memory.usage_in_bytes", "700\n");
  put("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  put("/sys/fs/cgroup/cpu,cpuacct/cpuacct.usage", "5000000\n");
  GroupUsage usage = CgroupUsage(root_).read();
  EXPECT_FALSE(usage.memory_bytes || usage.memory_limit || usage.cpu_millis || usage.cpu_time_us);
}

TEST_F(CgroupUsageTest, ReadsV2AndNoLimitIsNone) {
  put("/proc/self/mountinfo", "30 20 0:26 / /sys/fs/cgroup ro - cgroup2 cgroup rw\n");
  put("/proc/self/cgroup", "0::/\n");
  put("/sys/fs/cgroup/memory.current", "700\n");
  put("/sys/fs/cgroup/memory.max", "max\n");
  put("/sys/fs/cgroup/cpu.max", "max 100000\n");
  put("/sys/fs/cgroup/cgroup.type", "domain\n");
  put("/sys/fs/cgroup/cpu.stat", "usage_usec 77\nuser_usec 1\n");
  GroupUsage usage = CgroupUsage(root_).read();
  EXPECT_EQ(usage.memory_bytes, 700);
  EXPECT_EQ(usage.cpu_time_us, 77u);
  EXPECT_FALSE(usage.memory_limit || usage.cpu_millis);
}

TEST_F(CgroupUsageTest, WithoutGroupsThereIsNothingToSay) {
  GroupUsage usage = CgroupUsage(root_).read();
  EXPECT_FALSE(usage.memory_bytes || usage.memory_limit || usage.cpu_millis || usage.cpu_time_us);
}

}  // namespace
}  // namespace osb::execd
