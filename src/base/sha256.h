// SHA-256 of a text, for comparing secrets that are only known by their hash.
#pragma once

#include <string>
#include <string_view>

namespace osb {

// 64 lower-case hex digits.
std::string sha256_hex(std::string_view text);

}  // namespace osb
