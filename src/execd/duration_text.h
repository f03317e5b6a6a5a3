// Durations as Go programs take them: "1m30s", "200ms", "1.5h", "-2s", "0".
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace osb::execd {

// nullopt for anything else, and beyond 292 years.
std::optional<std::chrono::nanoseconds> parse_duration(std::string_view text);

}  // namespace osb::execd
