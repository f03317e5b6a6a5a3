// All metrics of the daemon put together, and the two ways that they leave it: GET /metrics/prometheus, and
// the export to an OpenTelemetry collector when the environment names one. What is read from /proc is read
// when somebody takes the metrics, never before.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "execd/metrics.h"
#include "execd/telemetry/instruments.h"

namespace osb::execd {

class Telemetry {
 public:
  // `common` stands on every point (sandbox_id, extras). `sampler` outlives us.
  Telemetry(MetricsSampler& sampler, Attributes common) : sampler_(sampler), common_(std::move(common)) {}

  Instruments& instruments() { return instruments_; }
  const Attributes& common() const { return common_; }
  void add_common(Attributes more);
  // What was counted, and the system as it is now.
  std::vector<Metric> collect();

 private:
  MetricsSampler& sampler_;
  Attributes common_;
  Instruments instruments_;
};

// GET /metrics/prometheus. `telemetry` outlives the router.
void add_telemetry_routes(http::Router& router, Telemetry& telemetry);

}  // namespace osb::execd
