// Durations as people type them: "10m", "1h30m", "90s", "1500ms", "2d", or a plain number of seconds.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace osb::cli {

// Throws UsageProblem that names `what` ("--timeout") for anything else, and for zero and negative ones.
std::chrono::milliseconds read_duration(std::string_view what, std::string_view text);
// "none" is nullopt: no limit.
std::optional<std::chrono::milliseconds> read_duration_or_none(std::string_view what, std::string_view text);
// "2d 3h", "1m 30s", "12s": the two largest units.
std::string short_duration(std::chrono::seconds duration);

}  // namespace osb::cli
