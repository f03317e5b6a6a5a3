// CPU and memory of the sandbox, answered at once: a sample says what was used since the one before, at most
// a second ago while somebody keeps asking (a sample is then taken every second in the background), and since
// the last question after a rest. Nothing runs while nobody asks.
//
// Whose figures: those of our control group against its limits, where they can be seen; else, inside a
// sandbox, those of its own processes; else those of the machine.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "http/router.h"

namespace osb::execd {

struct MetricsOptions {
  bool own_processes = false;  // only what this pid namespace holds
  std::optional<int64_t>
      cpu_millis;  // limits, when told; else those of the control group, else the machine's
  std::optional<int64_t> memory_bytes;
  std::string root;  // stands before the paths of control groups (tests)
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
  MetricsSampler(net::asio::any_io_executor executor, MetricsOptions options);
  ~MetricsSampler();
  MetricsSampler(const MetricsSampler&) = delete;

  // Never waits. Keeps the background samples going for kAttention.
  MetricsSample sample();
  // True while samples are taken in the background.
  bool rolling() const;

  static constexpr std::chrono::milliseconds kPeriod{1000};
  static constexpr std::chrono::seconds kAttention{10};

 private:
  struct State;
  std::shared_ptr<State> state_;
};

// GET /metrics, GET /metrics/watch (one line per second until the client leaves). `sampler` outlives the
// router.
void add_metrics_routes(http::Router& router, MetricsSampler& sampler);

}  // namespace osb::execd
