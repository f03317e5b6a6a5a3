// The client's side of a WebSocket (RFC 6455). One thread may read while another writes.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "http/websocket_frame.h"
#include "transport/client.h"

namespace opensandbox::detail {

class WebSocket {
 public:
  // Throws Error for an answer other than 101, Failure for the network.
  static std::unique_ptr<WebSocket> open(const Client& client, const Target& target, Call call,
                                         const std::stop_token& stop);

  explicit WebSocket(std::unique_ptr<Connection> connection);

  // The next message; a Close too. nullopt when the connection ended without one. Pings are answered here.
  // Throws Failure; after Failure(timeout) reading may go on.
  std::optional<osb::http::WebSocketMessage> read(const Wait& wait);
  // Throws Failure.
  void send(osb::http::Opcode kind, std::string_view payload, const Wait& wait);

 private:
  std::unique_ptr<Connection> connection_;
  osb::http::WebSocketDecoder decoder_;
  std::mutex sending_;
};

}  // namespace opensandbox::detail
