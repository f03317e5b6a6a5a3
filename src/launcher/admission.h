// Whether the machine has room for one more sandbox. Limits are ceilings, not reservations: what counts is
// what is free now and what the sandboxes use now.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace osb::launcher {

struct MemoryState {
  std::optional<int64_t> available;  // of the machine
  std::optional<int64_t> in_use;     // by all sandboxes of this launcher
};

constexpr int64_t kMinAvailable = 64 << 20;

// MemAvailable of /proc/meminfo, in bytes.
std::optional<int64_t> available_memory(std::string_view meminfo);
std::optional<int64_t> available_memory();

// Throws Error(exhausted) that says which bound is reached. max_in_use 0 = none. What cannot be measured
// admits.
void admit(const MemoryState& state, int64_t max_in_use);

}  // namespace osb::launcher
