// Digests and base64, by nettle.
#pragma once

#include <string>
#include <string_view>

namespace osb {

// SHA-256 as 64 lower-case hex digits: for secrets that are only known by their hash, and for names of
// contents.
std::string sha256_hex(std::string_view text);
// SHA-1 as 20 bytes. For the one place where RFC 6455 asks for it; no secret may depend on it.
std::string sha1(std::string_view text);
// With padding (RFC 4648, section 4).
std::string base64(std::string_view bytes);

}  // namespace osb
