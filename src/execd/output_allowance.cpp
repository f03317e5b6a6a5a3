#include "execd/output_allowance.h"

#include <algorithm>

namespace osb::execd {

size_t complete_utf8(std::string_view text) {
  for (size_t back = 1; back <= std::min<size_t>(3, text.size()); ++back) {
    auto byte = static_cast<unsigned char>(text[text.size() - back]);
    if ((byte & 0xc0) == 0x80) continue;  // goes on
    size_t length = byte >= 0xf0 && byte < 0xf8 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc2 ? 2 : 1;
    if (byte >= 0xf8) length = 1;  // never begins a character
    return length > back ? text.size() - back : text.size();
  }
  return text.size();
}

OutputAllowance::Passed OutputAllowance::take(std::string_view printed) {
  uint64_t before = printed_;
  printed_ += printed.size();
  if (bytes_ == 0 || printed_ <= bytes_) return {printed, false};
  if (before > bytes_) return {{}, false};
  std::string_view kept = printed.substr(0, bytes_ - before);
  return {kept.substr(0, complete_utf8(kept)), true};
}

std::string OutputAllowance::notice() const {
  return "[output of more than " + std::to_string(bytes_) + " bytes is left out]\n";
}

}  // namespace osb::execd
