// SHA-1 and base64, for the one place where RFC 6455 asks for them: the handshake. No secret depends on
// either.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace osb::http {

std::array<uint8_t, 20> sha1(std::string_view bytes);
// With padding (RFC 4648, section 4).
std::string base64(std::span<const uint8_t> bytes);

}  // namespace osb::http
