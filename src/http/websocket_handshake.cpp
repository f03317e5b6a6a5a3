#include "http/websocket_handshake.h"

#include <algorithm>

#include "http/codec.h"
#include "http/websocket_accept.h"

namespace osb::http {
namespace {

// Base64 of 16 bytes.
bool is_key(std::string_view text) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  return text.size() == 24 && text.ends_with("==") && std::ranges::all_of(text.substr(0, 22), [&](char c) {
           return kDigits.find(c) != std::string_view::npos;
         });
}

[[noreturn]] void refuse_handshake(const std::string& what) {
  throw Error(ErrorCode::invalid, "opening a WebSocket: " + what, "BAD_HANDSHAKE");
}

}  // namespace

bool asks_for_websocket(const Request& request) {
  return request.headers.has_token("Connection", "Upgrade") &&
         request.headers.has_token("Upgrade", "websocket");
}

void check_websocket_request(const Request& request) {
  if (request.method != "GET") refuse_handshake("the method is not GET");
  if (!asks_for_websocket(request)) refuse_handshake("the request does not ask for an upgrade to websocket");
  if (request.headers.get("Sec-WebSocket-Version") != "13") refuse_handshake("the version is not 13");
  if (!is_key(request.headers.get("Sec-WebSocket-Key")))
    refuse_handshake("the key is not 16 bytes in base64");
  if (request.body->content_length() != 0U) refuse_handshake("the request has a body");
}

std::string websocket_answer(const Request& request) {
  std::string out;
  append_status_line(out, 101);
  append_header(out, "Upgrade", "websocket");
  append_header(out, "Connection", "Upgrade");
  append_header(out, "Sec-WebSocket-Accept", websocket_accept(request.headers.get("Sec-WebSocket-Key")));
  out += "\r\n";
  return out;
}

}  // namespace osb::http
