// SHA-1 without any library, because the C++ client library has this file compiled in and needs no other.
#pragma once

#include <string>
#include <string_view>

namespace osb {

// 20 bytes. For the one place where RFC 6455 asks for it; no secret may depend on it.
std::string sha1(std::string_view text);

}  // namespace osb
