// SHA-1, for the handshake of WebSockets, which needs no secrecy: OpenSSL is not touched for plain http.
#pragma once

#include <string>
#include <string_view>

namespace opensandbox::detail {

// The digest in base64.
std::string sha1_base64(std::string_view text);
std::string base64(std::string_view bytes);

}  // namespace opensandbox::detail
