#include "execd/metrics.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>

#include "base/clock.h"
#include "base/json.h"
#include "execd/process_tree.h"
#include "execd/small_file.h"
#include "net/timer.h"

namespace osb::execd {
namespace {

using std::chrono::steady_clock;
constexpr double kMib = 1024 * 1024;
constexpr std::chrono::milliseconds kShortestPeriod{100};
constexpr std::chrono::milliseconds kWatchPeriod{1000};
constexpr size_t kProcFileBytes = 64 * 1024;

uint64_t next_number(std::string_view& rest) {
  while (!rest.empty() && (rest[0] < '0' || rest[0] > '9')) rest.remove_prefix(1);
  uint64_t value = 0;
  auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), value);
  rest.remove_prefix(static_cast<size_t>(end - rest.data()));
  return value;
}

std::string proc_file(const char* path) { return read_small_file(path, kProcFileBytes).value_or(""); }

// The total that processes are compared with: what the allowed CPUs could have done since the machine
// started.
uint64_t ticks_since_boot(double cpus) {
  auto since = steady_clock::now().time_since_epoch();
  double seconds = std::chrono::duration<double>(since).count();
  return static_cast<uint64_t>(seconds * static_cast<double>(::sysconf(_SC_CLK_TCK)) * cpus);
}

struct Usage {
  uint64_t ticks = 0;
  uint64_t bytes = 0;
};
Usage usage_of_processes() {
  Usage usage;
  auto page = static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
  for (const ProcessStat& process : read_processes()) {
    usage.ticks += process.cpu_ticks;
    usage.bytes += process.resident_pages * page;
  }
  return usage;
}

http::Headers json_headers() { return {{"Content-Type", "application/json; charset=utf-8"}}; }

net::task<> watch(MetricsSampler* sampler, http::Request& request, http::ResponseWriter& response) {
  response.start(
      200,
      {{"Content-Type", "text/event-stream"}, {"Cache-Control", "no-cache"}, {"X-Accel-Buffering", "no"}});
  // Without a body nothing is ever written that would tell that the client left.
  if (request.method == "HEAD") {
    co_await response.finish();
    co_return;
  }
  while (true) {
    co_await response.write(to_json(sampler->sample()) + "\n");
    co_await net::sleep_for(kWatchPeriod);
  }
}

}  // namespace

std::string to_json(const MetricsSample& sample) {
  json::Object out;
  out["cpu_count"] = sample.cpu_count;
  out["cpu_used_pct"] = sample.cpu_used_pct;
  out["mem_total_mib"] = sample.mem_total_mib;
  out["mem_used_mib"] = sample.mem_used_mib;
  out["timestamp"] = sample.timestamp_ms;
  return json::serialize(out);
}

CpuTimes parse_cpu_times(std::string_view proc_stat) {
  std::string_view line = proc_stat.substr(0, proc_stat.find('\n'));
  if (!line.starts_with("cpu ")) return {};
  CpuTimes out;
  for (int field = 0; field < 8; ++field) {  // user nice system idle iowait irq softirq steal
    uint64_t value = next_number(line);
    out.total += value;
    if (field != 3 && field != 4) out.busy += value;
  }
  return out;
}

uint64_t parse_meminfo(std::string_view meminfo, std::string_view field) {
  while (!meminfo.empty()) {
    size_t end = std::min(meminfo.find('\n'), meminfo.size());
    std::string_view line = meminfo.substr(0, end);
    if (line.starts_with(field) && line.substr(field.size()).starts_with(":"))
      return next_number(line) * 1024;
    meminfo.remove_prefix(std::min(end + 1, meminfo.size()));
  }
  return 0;
}

MetricsSampler::MetricsSampler(MetricsOptions options)
    : options_(options), cpus_(std::max<int64_t>(1, ::sysconf(_SC_NPROCESSORS_ONLN))) {
  last_ = cpu_times(0);
  last_at_ = steady_clock::now();
}

CpuTimes MetricsSampler::cpu_times(uint64_t process_ticks) const {
  if (!options_.own_processes) return parse_cpu_times(proc_file("/proc/stat"));
  double allowed =
      options_.cpu_millis ? static_cast<double>(*options_.cpu_millis) / 1000 : static_cast<double>(cpus_);
  return {process_ticks, ticks_since_boot(allowed)};
}

MetricsSample MetricsSampler::sample() {
  MetricsSample out;
  out.timestamp_ms = unix_ms(now());
  out.cpu_count = options_.cpu_millis ? std::max<int64_t>(1, (*options_.cpu_millis + 999) / 1000) : cpus_;
  std::string meminfo = proc_file("/proc/meminfo");
  uint64_t total = parse_meminfo(meminfo, "MemTotal");
  uint64_t used = total - std::min(total, parse_meminfo(meminfo, "MemAvailable"));
  Usage own;
  if (options_.own_processes) {
    own = usage_of_processes();
    if (options_.memory_bytes) total = std::min(total, static_cast<uint64_t>(*options_.memory_bytes));
    used = std::min(own.bytes, total);
  }
  out.mem_total_mib = static_cast<double>(total) / kMib;
  out.mem_used_mib = static_cast<double>(used) / kMib;
  if (steady_clock::now() - last_at_ >= kShortestPeriod) {
    CpuTimes times = cpu_times(own.ticks);
    double busy = times.busy > last_.busy ? static_cast<double>(times.busy - last_.busy) : 0;
    double all = times.total > last_.total ? static_cast<double>(times.total - last_.total) : 0;
    last_pct_ = all > 0 ? std::min(100.0, 100.0 * busy / all) : 0;
    last_ = times;
    last_at_ = steady_clock::now();
  }
  out.cpu_used_pct = last_pct_;
  return out;
}

void add_metrics_routes(http::Router& router, MetricsSampler& sampler) {
  router.add("GET", "/metrics", [&sampler](http::Request&, http::ResponseWriter& response) {
    return response.send({200, json_headers(), to_json(sampler.sample())});
  });
  router.add("GET", "/metrics/watch", [&sampler](http::Request& request, http::ResponseWriter& response) {
    return watch(&sampler, request, response);
  });
}

}  // namespace osb::execd
