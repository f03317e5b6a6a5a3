// Quantities of resourceLimits: "500m" and "0.5" cores, "512Mi" and "1.5g" bytes.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace osb::api {

struct Resources {
  std::optional<int64_t> cpu_millis;
  std::optional<int64_t> memory_bytes;
  std::optional<int64_t> pids;
};

// Thousandths of a core, rounded up; nullopt unless positive.
std::optional<int64_t> parse_cpu(std::string_view text);
// Bytes, rounded up. Suffixes without regard to case: b; k, m, g, t, p, e (powers of 1000, a trailing b is
// fine); ki … ei (powers of 1024). nullopt unless positive and below 2^63.
std::optional<int64_t> parse_memory(std::string_view text);

// Keys cpu, memory and pids; "gpu" and "<vendor>/gpu" are refused, other keys mean nothing here. Throws
// Error(invalid, SANDBOX::INVALID_PARAMETER) that names the key.
Resources parse_resources(const std::map<std::string, std::string>& limits);

}  // namespace osb::api
