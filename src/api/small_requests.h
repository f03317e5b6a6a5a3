// The bodies of a single member or two. All of them throw ValidationError.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace osb::api {

// POST …/renew-expiration
TimePoint parse_renewal(std::string_view body);

// POST …/snapshots; the body may be absent, null or {}. Returns the name, empty if there is none.
std::string parse_snapshot_name(std::string_view body);

// POST /v1/metrics/events
struct MetricsEvent {
  std::string sandbox_id;
  std::string image;
  int64_t create_duration_ms = 0;
  bool success = false;
};
MetricsEvent parse_metrics_event(std::string_view body);

}  // namespace osb::api
