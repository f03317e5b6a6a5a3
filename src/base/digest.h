// Digests for secrets and contents, by nettle.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace osb {

// SHA-256 as 64 lower-case hex digits: for secrets that are only known by their hash, and for names of
// contents.
std::string sha256_hex(std::string_view text);
// HMAC-SHA-256 (RFC 2104) of the parts, one after the other, as 64 lower-case hex digits. Compare it with
// equal_in_constant_time().
std::string hmac_sha256_hex(std::string_view key, std::span<const std::string_view> parts);

}  // namespace osb
