// What both sides of the opening handshake of RFC 6455 compute.
#pragma once

#include <string>
#include <string_view>

namespace osb::http {

// Sec-WebSocket-Accept for a Sec-WebSocket-Key.
std::string websocket_accept(std::string_view key);

}  // namespace osb::http
