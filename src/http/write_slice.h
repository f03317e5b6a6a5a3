// What one write deadline covers at most: who takes less than a slice in that time is dropped, and a slow
// reader of a long body is not.
#pragma once

#include <cstddef>

namespace osb::http {

inline constexpr size_t kWriteSlice = 64 * 1024;

}  // namespace osb::http
