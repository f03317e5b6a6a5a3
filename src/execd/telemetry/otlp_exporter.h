// Sends all metrics to a collector every interval, and once more at the end. One request at a time: a
// collector that is slow or gone costs one waiting coroutine and a line in the log for each change of its
// state.
#pragma once

#include <memory>
#include <string>

#include "execd/telemetry/otlp_config.h"
#include "execd/telemetry/telemetry.h"

namespace osb::execd {

class OtlpExporter {
 public:
  // Starts at once. `telemetry` outlives us.
  OtlpExporter(net::asio::any_io_executor executor, Telemetry& telemetry, OtlpConfig config,
               std::string version);
  ~OtlpExporter();
  OtlpExporter(const OtlpExporter&) = delete;

  // A last export, for at most `limit`; none comes after it.
  net::task<> finish(std::chrono::milliseconds limit);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace osb::execd
