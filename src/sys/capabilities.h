// Capability sets of the calling process.
#pragma once

#include <cstdint>
#include <initializer_list>

namespace osb::sys {

// Bit n is capability number n of <linux/capability.h>.
using CapabilitySet = uint64_t;

constexpr CapabilitySet capability_set(std::initializer_list<int> numbers) {
  CapabilitySet set = 0;
  for (int number : numbers) set |= CapabilitySet{1} << number;
  return set;
}

// Makes the bounding, permitted and effective sets exactly `keep`; empties the ambient and the inheritable
// set (uid 0 gets the bounding set at every exec anyway, and an inheritable capability would let an
// unprivileged process pick it up from a file). What the process does not hold is not gained.
// Async-signal-safe. 0, or the errno of what failed.
int limit_capabilities(CapabilitySet keep) noexcept;

}  // namespace osb::sys
