// An ExportMetricsServiceRequest of OTLP as protobuf bytes, written by hand: the few messages that metrics
// need do not pay for a generator. Sums and histograms are cumulative since the start of the daemon.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "execd/telemetry/metric.h"

namespace osb::execd {

struct OtlpFrame {
  Attributes resource;  // service.name, …
  std::string scope;    // name of the meter
  std::string scope_version;
  Attributes common;                  // on every point
  uint64_t start_ns = 0, now_ns = 0;  // Unix time
};

std::string otlp_metrics(const OtlpFrame& frame, const std::vector<Metric>& metrics);

}  // namespace osb::execd
