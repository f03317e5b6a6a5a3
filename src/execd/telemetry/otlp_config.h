// Where and how metrics are exported, from the environment:
//   OTEL_EXPORTER_OTLP_METRICS_ENDPOINT   the URL as it stands
//   OTEL_EXPORTER_OTLP_ENDPOINT           a base URL, /v1/metrics is appended
//   HOST_IP, first address in /etc/hostinfo   http://ADDRESS:4318/v1/metrics
//   OTEL_METRIC_EXPORT_INTERVAL, OTEL_EXPORTER_OTLP_[METRICS_]TIMEOUT   milliseconds; 60 s, 10 s
//   OTEL_EXPORTER_OTLP_[METRICS_]HEADERS  name=value,… (percent-encoded)
//   OTEL_SDK_DISABLED=true, OTEL_METRICS_EXPORTER=none   switch it off
//   OPENSANDBOX_ID, OPENSANDBOX_EXECD_METRICS_EXTRA_ATTRS (k=v,k2=v2)   attributes of every point
// Plain HTTP only: there is no TLS in this program.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "execd/environment.h"
#include "execd/telemetry/metric.h"
#include "http/client.h"

namespace osb::execd {

struct OtlpConfig {
  http::Target target;  // its host is empty where there is a `name`
  std::string name;     // to look up before each export
  std::string host;     // for the Host header
  std::string path;
  http::Headers headers;
  std::chrono::milliseconds interval{60000};
  std::chrono::milliseconds timeout{10000};
};

// nullopt when no export is asked for. Throws Error(invalid) when one is asked for that cannot be done; the
// text says why, and holds no header. `hostinfo` and `hosts` are the texts of the files in /etc.
std::optional<OtlpConfig> otlp_config(const Environment& environment, std::string_view hostinfo,
                                      std::string_view hosts);
Attributes common_attributes(const Environment& environment);

}  // namespace osb::execd
