// CPU and memory of the sandbox, answered at once: each sample is the difference to the one before, so nobody
// waits for a measuring period and nothing runs while nobody asks.
//
// Inside a sandbox the figures are those of its own processes against its own limits; a stand-alone daemon
// reports the machine.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "http/router.h"

namespace osb::execd {

struct MetricsOptions {
  bool own_processes = false;         // only what this pid namespace holds
  std::optional<int64_t> cpu_millis;  // limits; without them those of the machine
  std::optional<int64_t> memory_bytes;
};

struct MetricsSample {
  int64_t cpu_count = 1;
  double cpu_used_pct = 0;  // of the allowed CPU, 0..100
  double mem_total_mib = 0;
  double mem_used_mib = 0;
  int64_t timestamp_ms = 0;
};
std::string to_json(const MetricsSample& sample);

// Busy and total time of the machine from /proc/stat.
struct CpuTimes {
  uint64_t busy = 0;
  uint64_t total = 0;
};
CpuTimes parse_cpu_times(std::string_view proc_stat);
// A field of /proc/meminfo in bytes; 0 if it is missing.
uint64_t parse_meminfo(std::string_view meminfo, std::string_view field);

class MetricsSampler {
 public:
  explicit MetricsSampler(MetricsOptions options);
  MetricsSample sample();

 private:
  CpuTimes cpu_times(uint64_t process_ticks) const;

  MetricsOptions options_;
  int64_t cpus_;
  CpuTimes last_;
  std::chrono::steady_clock::time_point last_at_;
  double last_pct_ = 0;
};

// GET /metrics, GET /metrics/watch (one line per second until the client leaves). `sampler` outlives the
// router.
void add_metrics_routes(http::Router& router, MetricsSampler& sampler);

}  // namespace osb::execd
