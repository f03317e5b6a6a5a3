#include "http/utf8.h"

#include <cstring>

namespace osb::http {

// The first byte decides how many follow, and what the second may be.
bool Utf8Check::begin(uint8_t byte) {
  low_ = 0x80;
  high_ = 0xbf;
  if (byte >= 0xc2 && byte <= 0xdf) {
    missing_ = 1;
  } else if (byte >= 0xe0 && byte <= 0xef) {
    missing_ = 2;
    if (byte == 0xe0) low_ = 0xa0;
    if (byte == 0xed) high_ = 0x9f;
  } else if (byte >= 0xf0 && byte <= 0xf4) {
    missing_ = 3;
    if (byte == 0xf0) low_ = 0x90;
    if (byte == 0xf4) high_ = 0x8f;
  } else {
    return false;
  }
  return true;
}

bool Utf8Check::feed(std::string_view bytes) {
  size_t at = 0;
  while (valid_ && at < bytes.size()) {
    uint64_t word;
    if (missing_ == 0 && bytes.size() - at >= sizeof word) {
      std::memcpy(&word, bytes.data() + at, sizeof word);
      if ((word & 0x8080808080808080U) == 0) {  // eight at once where all are ASCII
        at += sizeof word;
        continue;
      }
    }
    auto byte = static_cast<uint8_t>(bytes[at++]);
    if (missing_ > 0) {
      valid_ = byte >= low_ && byte <= high_;
      low_ = 0x80;
      high_ = 0xbf;
      missing_--;
    } else if (byte >= 0x80) {
      valid_ = begin(byte);
    }
  }
  return valid_;
}

}  // namespace osb::http
