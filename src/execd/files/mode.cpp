#include "execd/files/mode.h"

namespace osb::execd {

std::optional<mode_t> mode_from_digits(int64_t digits) {
  if (digits < 0 || digits > 7777) return std::nullopt;
  mode_t mode = 0;
  for (int shift = 0; digits > 0; shift += 3, digits /= 10) {
    if (digits % 10 > 7) return std::nullopt;
    mode |= static_cast<mode_t>(digits % 10) << shift;
  }
  return mode;
}

int digits_from_mode(mode_t mode) {
  return static_cast<int>((mode >> 6 & 7) * 100 + (mode >> 3 & 7) * 10 + (mode & 7));
}

}  // namespace osb::execd
