#include "execd/metrics.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/json.h"
#include "net/loop.h"
#include "net/timer.h"

namespace osb::execd {
namespace {

TEST(Metrics, ReadsProcFiles) {
  CpuTimes times = parse_cpu_times("cpu  10 20 30 400 50 6 7 8 9 0\ncpu0 1 2 3\n");
  EXPECT_EQ(times.total, 531u);
  EXPECT_EQ(times.busy, 81u);
  EXPECT_EQ(parse_cpu_times("nonsense").total, 0u);
  EXPECT_EQ(parse_meminfo("MemTotal:       100 kB\nMemTotalX: 5 kB\nMemFree: 7 kB", "MemFree"), 7u * 1024);
  EXPECT_EQ(parse_meminfo("MemTotal: 1 kB", "MemAvailable"), 0u);
}

TEST(Metrics, ReportsLimitsOfTheSandbox) {
  net::Loop loop;
  MetricsSampler sampler(loop.executor(), {true, 1500, 64 * 1024 * 1024, "/nowhere"});
  MetricsSample sample = sampler.sample();
  EXPECT_EQ(sample.cpu_count, 2);
  EXPECT_EQ(sample.mem_total_mib, 64);
  EXPECT_GT(sample.mem_used_mib, 0);
  EXPECT_LE(sample.mem_used_mib, 64);
}

TEST(Metrics, ReportsTheMachineOtherwise) {
  net::Loop loop;
  MetricsSampler sampler(loop.executor(), {.root = "/nowhere"});
  json::Value json = json::parse(to_json(sampler.sample()));
  EXPECT_GE(json.at("cpu_count").as_int64(), 1);
  EXPECT_GT(json.at("mem_total_mib").to_number<double>(), json.at("mem_used_mib").to_number<double>());
  EXPECT_GT(json.at("timestamp").as_int64(), 1700000000000);
  EXPECT_GE(json.at("cpu_used_pct").to_number<double>(), 0);
}

TEST(Metrics, JsonHasTheOrderAndTheWholeNumbersThatClientsSee) {
  EXPECT_EQ(to_json({2, 0, 512, 1.5, 7}),
            R"({"cpu_count":2,"cpu_used_pct":0,"mem_total_mib":512,"mem_used_mib":1.5,"timestamp":7})");
}

// A machine's worth of files below a directory of its own.
class FakeGroups : public ::testing::Test {
 protected:
  FakeGroups() : root_("/tmp/execd_metrics_test." + std::to_string(::getpid())) {}
  ~FakeGroups() override { std::filesystem::remove_all(root_); }
  void put(const std::string& path, const std::string& text) {
    std::filesystem::create_directories(std::filesystem::path(root_ + path).parent_path());
    std::ofstream(root_ + path) << text;
  }
  net::Loop loop_;
  std::string root_;
};

TEST_F(FakeGroups, LimitAndUseOfTheGroupAreTheFiguresAndItsCpuTimeMoves) {
  put("/proc/self/mountinfo", "30 20 0:26 / /sys/fs/cgroup ro - cgroup2 cgroup rw\n");
  put("/proc/self/cgroup", "0::/box\n");
  put("/sys/fs/cgroup/box/memory.max", "104857600\n");
  put("/sys/fs/cgroup/box/memory.current", "73400320\n");
  put("/sys/fs/cgroup/box/memory.stat", "anon 5\ninactive_file 20971520\n");
  put("/sys/fs/cgroup/box/cpu.max", "50000 100000\n");
  put("/sys/fs/cgroup/box/cgroup.type", "domain\n");
  put("/sys/fs/cgroup/box/cpu.stat", "usage_usec 1000000\n");
  MetricsSampler sampler(loop_.executor(), {.root = root_});
  MetricsSample sample = sampler.sample();
  EXPECT_EQ(sample.mem_total_mib, 100);
  EXPECT_EQ(sample.mem_used_mib, 50);
  EXPECT_EQ(sample.cpu_count, 1);
  EXPECT_EQ(sample.cpu_used_pct, 0);
  // An hour of CPU time within this test: more than half a CPU can give.
  put("/sys/fs/cgroup/box/cpu.stat", "usage_usec 3601000000\n");
  for (int i = 0; i < 200 && sample.cpu_used_pct == 0; ++i) {
    loop_.run_until_done(net::sleep_for(std::chrono::milliseconds(50)));
    sample = sampler.sample();
  }
  EXPECT_EQ(sample.cpu_used_pct, 100);
}

TEST(Metrics, SamplesAreTakenInTheBackgroundOnlyForAWhileAfterAQuestion) {
  net::Loop loop;
  auto sampler = std::make_unique<MetricsSampler>(loop.executor(), MetricsOptions{});
  EXPECT_FALSE(sampler->rolling());
  sampler->sample();
  EXPECT_TRUE(sampler->rolling());
  sampler.reset();
  loop.run();  // returns: nothing is left to do
}

}  // namespace
}  // namespace osb::execd
