#include "wire/utf8_text.h"

#include "http/utf8.h"

namespace opensandbox::detail {
namespace {

// Bytes of the character at the front; 0 if it is none.
size_t character_length(std::string_view text) {
  for (size_t length = 1; length <= 4 && length <= text.size(); length++) {
    osb::http::Utf8Check check;
    if (!check.feed(text.substr(0, length))) return 0;
    if (check.complete()) return length;
  }
  return 0;
}

}  // namespace

std::string valid_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    size_t length = static_cast<unsigned char>(text[0]) < 0x80 ? 1 : character_length(text);
    if (length)
      out += text.substr(0, length);
    else
      out += "\xef\xbf\xbd";
    text.remove_prefix(length ? length : 1);
  }
  return out;
}

}  // namespace opensandbox::detail
