#include "execd/metrics.h"

#include <gtest/gtest.h>

#include "base/json.h"

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
  MetricsSampler sampler({true, 1500, 64 * 1024 * 1024});
  MetricsSample sample = sampler.sample();
  EXPECT_EQ(sample.cpu_count, 2);
  EXPECT_EQ(sample.mem_total_mib, 64);
  EXPECT_GT(sample.mem_used_mib, 0);
  EXPECT_LE(sample.mem_used_mib, 64);
}

TEST(Metrics, ReportsTheMachineOtherwise) {
  MetricsSampler sampler({});
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

}  // namespace
}  // namespace osb::execd
