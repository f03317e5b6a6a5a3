// Durations of what the daemon does, counted per kind. Bounded: beyond kMaxSeries combinations per metric
// further ones are counted together under the attribute overflow. Used from the loop only.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <string_view>

#include "execd/telemetry/metric.h"

namespace osb::execd {

class Instruments {
 public:
  static constexpr size_t kMaxSeries = 300;
  using Duration = std::chrono::microseconds;

  // `route` is the pattern that matched; empty: none. Counts the file operation behind it too.
  void http_request(std::string_view method, std::string_view route, int status, Duration took);
  // "run_command", "run_code", "run_in_session".
  void execution(std::string_view operation, bool success, Duration took);

  std::vector<Metric> metrics() const;

 private:
  using Series = std::map<Attributes, Histogram>;
  static void add(Series& series, Attributes attributes, Duration took);

  Series requests_, executions_, files_;
};

// What the released daemon calls the operation of a file route; empty for other routes.
std::string_view file_operation(std::string_view method, std::string_view route);

}  // namespace osb::execd
