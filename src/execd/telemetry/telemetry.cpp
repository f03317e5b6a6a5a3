#include "execd/telemetry/telemetry.h"

#include "execd/process_tree.h"
#include "execd/telemetry/network_usage.h"
#include "execd/telemetry/prometheus_text.h"

namespace osb::execd {
namespace {

constexpr double kMib = 1024 * 1024;

Metric gauge(const char* name, const char* unit, const char* description,
             std::variant<double, int64_t, Histogram> value) {
  return {name, unit, description, MetricKind::gauge, {{{}, value}}};
}

MetricPoint point(const char* attribute, const char* value, int64_t number) {
  return {{{attribute, std::string(value)}}, number};
}

void add_system(std::vector<Metric>& out, const MetricsSample& sample) {
  out.push_back(gauge("execd.system.process.count", "", "Processes that the daemon sees.",
                      static_cast<int64_t>(read_processes().size())));
  out.push_back(gauge("execd.system.cpu.usage", "%", "CPU in use, of what is allowed.", sample.cpu_used_pct));
  out.push_back(gauge("execd.system.memory.usage_bytes", "By", "Memory in use.",
                      static_cast<int64_t>(sample.mem_used_mib * kMib)));
}

void add_network(std::vector<Metric>& out, const NetworkUsage& usage) {
  out.push_back({"execd.system.network.io.bytes",
                 "By",
                 "Traffic of all interfaces but loopback.",
                 MetricKind::counter,
                 {point("direction", "in", usage.traffic.in_bytes),
                  point("direction", "out", usage.traffic.out_bytes)}});
  out.push_back({"execd.system.network.connections.active",
                 "",
                 "Established connections, and UDP sockets.",
                 MetricKind::gauge,
                 {point("protocol", "tcp", usage.tcp), point("protocol", "udp", usage.udp)}});
}

}  // namespace

void Telemetry::add_common(Attributes more) {
  for (auto& [name, value] : more) {
    std::erase_if(common_, [&](const auto& entry) { return entry.first == name; });
    common_.emplace_back(std::move(name), std::move(value));
  }
}

std::vector<Metric> Telemetry::collect() {
  std::vector<Metric> out = instruments_.metrics();
  add_system(out, sampler_.sample());
  add_network(out, read_network_usage());
  return out;
}

void add_telemetry_routes(http::Router& router, Telemetry& telemetry) {
  router.add("GET", "/metrics/prometheus", [&telemetry](http::Request&, http::ResponseWriter& response) {
    return response.send(
        {200, {{"Content-Type", kPrometheusType}}, prometheus_text(telemetry.collect(), telemetry.common())});
  });
}

}  // namespace osb::execd
