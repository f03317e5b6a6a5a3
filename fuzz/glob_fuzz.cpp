// Any pattern and any name: no crash, no endless matching; every name fits itself when it is escaped, and
// braces around a pattern without choices change nothing.
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "execd/files/glob.h"

namespace {

std::optional<bool> matches(std::string_view pattern, std::string_view text) {
  try {
    return osb::execd::Glob(pattern).matches(text);
  } catch (const osb::Error&) {
    return std::nullopt;
  }
}

// A backslash belongs in front of a character, and those beyond ASCII have several bytes and no meaning.
std::string escaped(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c != '/' && static_cast<unsigned char>(c) < 0x80) out += '\\';
    out += c;
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  size_t zero = input.find('\0');
  if (zero == std::string_view::npos) return 0;
  std::string_view pattern = input.substr(0, zero), text = input.substr(zero + 1);
  std::optional<bool> plain = matches(pattern, text);
  if (plain && pattern.find_first_of(",}") == std::string_view::npos) {
    std::optional<bool> braced = matches("{" + std::string(pattern) + "}", text);
    if (braced && *braced != *plain) abort();
  }
  std::optional<bool> itself = matches(escaped(text), text);
  if (itself && !*itself) abort();
  return 0;
}
