// The opening handshake of RFC 6455 on the server's side: what a request must carry, and what is answered.
#pragma once

#include <string>
#include <string_view>

#include "http/server.h"

namespace osb::http {

// Whether the request means a WebSocket at all; it may still be a bad one.
bool asks_for_websocket(const Request& request);
// Throws Error(invalid, "BAD_HANDSHAKE") for a request that cannot become a WebSocket. Any Origin is fine:
// who may enter is decided by a token, which a foreign page does not have.
void check_websocket_request(const Request& request);
// The head of the answer, complete with its blank line. No subprotocol, no extension.
std::string websocket_answer(const Request& request);

}  // namespace osb::http
