// Modes on the wire: decimal numbers whose digits are meant as octal ones (644 is rw-r--r--).
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include <optional>

namespace osb::execd {

// 755 → 0755, 4755 → 04755. nullopt unless it has one to four digits from 0 to 7; 0 is the empty mode (the
// API reads it as "not given").
std::optional<mode_t> mode_from_digits(int64_t digits);

// The permission bits 0777 as digits: 0644 → 644, 04755 → 755, 0 → 0.
int digits_from_mode(mode_t mode);

}  // namespace osb::execd
