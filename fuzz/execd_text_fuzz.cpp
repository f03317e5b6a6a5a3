// Small texts that execd reads from clients, the environment and the kernel: proxied paths, durations, hooks,
// init requests, endpoints for metrics, control groups and counters.
#include <cstdlib>

#include "base/error.h"
#include "execd/duration_text.h"
#include "execd/lifecycle.h"
#include "execd/port_proxy.h"
#include "execd/runtime_init.h"
#include "execd/telemetry/cgroup_usage.h"
#include "execd/telemetry/network_usage.h"
#include "execd/telemetry/otlp_config.h"

namespace {

using namespace osb;
using namespace osb::execd;

void require(bool condition) {
  if (!condition) std::abort();
}

template <class Read>
void refuses_or(Read read) {
  try {
    read();
  } catch (const Error& error) {
    require(error.code() == ErrorCode::invalid);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string text(reinterpret_cast<const char*>(data), size);
  size_t half = text.find('\n');
  std::string rest = half == std::string::npos ? std::string() : text.substr(half + 1);

  refuses_or([&] {
    ProxiedPath path = parse_proxied_path(text);
    require(path.port > 0 && path.path.starts_with('/') &&
            text.ends_with(path.path.size() > 1 ? path.path : ""));
  });
  std::string hops = forwarded_for({{"X-Forwarded-For", text}}, "1.1.1.1");
  require(hops.ends_with("1.1.1.1") && hops.find_first_of("\r\n\"") == std::string::npos);
  parse_duration(text);

  refuses_or([&] { parse_lifecycle(json::parse(text)); });
  refuses_or([&] { require(parse_init_request(text).token_hash.size() == 64); });
  refuses_or([&] { otlp_config({{"OTEL_EXPORTER_OTLP_ENDPOINT", text}}, rest, rest); });
  refuses_or([&] {
    auto config = otlp_config({{"HOST_IP", text}, {"OTEL_EXPORTER_OTLP_HEADERS", rest}}, text, {});
    if (!config) return;
    for (const auto& [name, value] : config->headers)
      require((name + value).find_first_of("\r\n") == std::string::npos);
  });
  common_attributes({{"OPENSANDBOX_EXECD_METRICS_EXTRA_ATTRS", text}});

  find_group_places(text, rest);
  parse_traffic(text);
  require(count_sockets(text, {}) >= count_sockets(text, "01"));
  return 0;
}
