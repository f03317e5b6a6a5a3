#include "execd/metrics.h"

#include <sched.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include <boost/asio/post.hpp>

#include "base/clock.h"
#include "base/json.h"
#include "execd/process_tree.h"
#include "execd/small_file.h"
#include "execd/telemetry/cgroup_usage.h"
#include "net/timer.h"

namespace osb::execd {
namespace {

using std::chrono::steady_clock;
constexpr double kMib = 1024 * 1024;
constexpr std::chrono::milliseconds kShortestPeriod{100};
constexpr size_t kProcFileBytes = 64 * 1024;

uint64_t next_number(std::string_view& rest) {
  while (!rest.empty() && (rest[0] < '0' || rest[0] > '9')) rest.remove_prefix(1);
  uint64_t value = 0;
  auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), value);
  rest.remove_prefix(static_cast<size_t>(end - rest.data()));
  return value;
}

std::string proc_file(const char* path) { return read_small_file(path, kProcFileBytes).value_or(""); }

int64_t usable_cpus() {
  cpu_set_t set;
  int count = ::sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 0;
  return count > 0 ? count : std::max<int64_t>(1, ::sysconf(_SC_NPROCESSORS_ONLN));
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
    co_await net::sleep_for(MetricsSampler::kPeriod);
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

struct MetricsSampler::State : std::enable_shared_from_this<State> {
  State(net::asio::any_io_executor e, MetricsOptions o)
      : executor(e),
        options(std::move(o)),
        cpus(usable_cpus()),
        ticks_per_second(static_cast<double>(::sysconf(_SC_CLK_TCK))),
        stopped(e) {}

  // Reads everything and makes it the newest sample.
  void take();
  // Fills in memory and CPUs; returns the CPU time that was used, and that which would have been possible.
  CpuTimes measure(MetricsSample& out) const;
  void measure_memory(MetricsSample& out, const GroupUsage& seen, const Usage& own) const;
  void look_every_second();
  static net::task<> roll(std::shared_ptr<State> self);

  net::asio::any_io_executor executor;
  MetricsOptions options;
  std::optional<CgroupUsage> group;  // looked for with the first sample
  int64_t cpus;
  double ticks_per_second;
  net::Event stopped;
  MetricsSample newest;
  CpuTimes last;
  steady_clock::time_point taken_at, asked_at;
  bool rolling = false, gone = false;
};

void MetricsSampler::State::measure_memory(MetricsSample& out, const GroupUsage& seen,
                                           const Usage& own) const {
  std::string meminfo = proc_file("/proc/meminfo");
  uint64_t total = parse_meminfo(meminfo, "MemTotal");
  uint64_t used = total - std::min(total, parse_meminfo(meminfo, "MemAvailable"));
  struct sysinfo machine;
  if (total == 0 && ::sysinfo(&machine) == 0) {  // no /proc
    total = uint64_t{machine.totalram} * machine.mem_unit;
    used = total - uint64_t{machine.freeram} * machine.mem_unit;
  }
  for (auto limit : {seen.memory_limit, options.memory_bytes})
    if (limit) total = std::min(total, static_cast<uint64_t>(*limit));
  if (seen.memory_bytes)
    used = static_cast<uint64_t>(*seen.memory_bytes);
  else if (options.own_processes)
    used = own.bytes;
  out.mem_total_mib = static_cast<double>(total) / kMib;
  out.mem_used_mib = static_cast<double>(std::min(used, total)) / kMib;
}

CpuTimes MetricsSampler::State::measure(MetricsSample& out) const {
  GroupUsage seen = group->read();
  bool count_processes = options.own_processes && (!seen.memory_bytes || !seen.cpu_time_us);
  Usage own = count_processes ? usage_of_processes() : Usage{};
  measure_memory(out, seen, own);

  auto limit = options.cpu_millis ? options.cpu_millis : seen.cpu_millis;
  double allowed = static_cast<double>(cpus);
  if (limit) allowed = std::min(allowed, static_cast<double>(*limit) / 1000);
  out.cpu_count = limit ? std::max<int64_t>(1, (*limit + 999) / 1000) : cpus;
  double possible = allowed * std::chrono::duration<double>(steady_clock::now().time_since_epoch()).count();
  if (seen.cpu_time_us) return {*seen.cpu_time_us, static_cast<uint64_t>(possible * 1e6)};
  if (options.own_processes) return {own.ticks, static_cast<uint64_t>(possible * ticks_per_second)};
  return parse_cpu_times(proc_file("/proc/stat"));
}

void MetricsSampler::State::take() {
  if (!group) group.emplace(options.root);
  MetricsSample out;
  out.timestamp_ms = unix_ms(now());
  CpuTimes times = measure(out);
  double busy = times.busy > last.busy ? static_cast<double>(times.busy - last.busy) : 0;
  double all = times.total > last.total ? static_cast<double>(times.total - last.total) : 0;
  bool first = taken_at == steady_clock::time_point();
  out.cpu_used_pct = !first && all > 0 ? std::min(100.0, 100.0 * busy / all) : 0;
  last = times;
  taken_at = steady_clock::now();
  newest = out;
}

void MetricsSampler::State::look_every_second() {
  if (rolling) return;
  rolling = true;
  net::spawn(executor, "metrics", roll(shared_from_this()));
}

net::task<> MetricsSampler::State::roll(std::shared_ptr<State> self) {
  while (!self->gone && steady_clock::now() - self->asked_at < kAttention) {
    co_await self->stopped.wait_for(kPeriod);
    if (!self->gone) self->take();
  }
  self->rolling = false;
}

MetricsSampler::MetricsSampler(net::asio::any_io_executor executor, MetricsOptions options)
    : state_(std::make_shared<State>(executor, std::move(options))) {
  // What the first answer is counted from; not before the daemon serves.
  net::asio::post(executor, [state = state_] {
    if (!state->gone && !state->group) state->take();
  });
}

MetricsSampler::~MetricsSampler() {
  state_->gone = true;
  state_->stopped.notify();
}

bool MetricsSampler::rolling() const { return state_->rolling; }

MetricsSample MetricsSampler::sample() {
  state_->asked_at = steady_clock::now();
  state_->look_every_second();
  if (state_->asked_at - state_->taken_at >= kShortestPeriod) state_->take();
  return state_->newest;
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
