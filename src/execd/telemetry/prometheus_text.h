// Metrics in the text format that Prometheus scrapes (version 0.0.4): names in its alphabet, units and _total
// in the name, one HELP and TYPE per metric, cumulative buckets that end with +Inf.
#pragma once

#include <string>
#include <vector>

#include "execd/telemetry/metric.h"

namespace osb::execd {

inline constexpr const char* kPrometheusType = "text/plain; version=0.0.4; charset=utf-8";

// "execd.system.memory.usage_bytes" (By) → "execd_system_memory_usage_bytes".
std::string prometheus_name(const Metric& metric);
// `common` is added to the labels of every sample.
std::string prometheus_text(const std::vector<Metric>& metrics, const Attributes& common = {});

}  // namespace osb::execd
