#include "http/websocket_accept.h"

#include "base/base64.h"
#include "base/sha1.h"

namespace osb::http {

constexpr std::string_view kGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

std::string websocket_accept(std::string_view key) { return base64(sha1(std::string(key).append(kGuid))); }

}  // namespace osb::http
