// A WebSocket as a handler uses it: messages in, messages out, and an end that loses nothing.
//
//   auto socket = co_await WebSocket::accept(request, response);
//   while (auto message = co_await socket->receive()) …
//   co_await socket->finish();
//
// One coroutine receives; any number send and close. Everything on the connection's loop. Pings of the peer
// are answered, own pings go out, and a peer of which no byte comes for the idle time is given up.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "http/server.h"
#include "http/websocket_frame.h"

namespace osb::http {

struct WebSocketOptions {
  size_t message_bytes = 1024 * 1024;  // a longer message costs the connection (1009)
  size_t queued_bytes = 256 * 1024;    // unsent bytes above which send() waits
  std::chrono::milliseconds ping_every = std::chrono::seconds(30);
  std::chrono::milliseconds idle_time = std::chrono::seconds(60);
  std::chrono::milliseconds write_time = std::chrono::seconds(10);  // for each 64 KiB, or the rest
  std::chrono::milliseconds close_time = std::chrono::seconds(5);   // see finish()
};

class WebSocket {
 public:
  // Checks the request and answers 101. Throws Error(invalid, "BAD_HANDSHAKE") before anything was written,
  // Error(unavailable|timeout) when the client is gone.
  static net::task<std::unique_ptr<WebSocket>> accept(Request& request, ResponseWriter& response,
                                                      WebSocketOptions options = {});
  // Drops the connection; nothing queued is sent any more.
  ~WebSocket();
  WebSocket(const WebSocket&) = delete;

  // The next text or binary message; nullopt once there will be none: the peer closed or left, was silent for
  // too long (told 1001), broke the protocol (told 1002, 1007 or 1009), or drop() ran. Does not throw. After
  // close() messages are taken and thrown away.
  net::task<std::optional<WebSocketMessage>> receive();

  // Returns when the message is on its way or queued and the queue has room again. Messages keep the order of
  // the calls. Throws Error(unavailable|timeout) when the connection is over or close() ran.
  net::task<> send(Opcode kind, std::string payload);
  // Queues a Close frame behind what waits; only the first call counts. Does not wait.
  void close(CloseCode code, std::string_view reason);
  // Ends the connection now; receive() and waiting send() return or throw soon.
  void drop();
  bool open() const;

  // The orderly end: sends what is queued and Close (1000 unless close() ran), waits for the peer's Close as
  // long as it takes bytes, and drops the connection when it has taken none for close_time. Not while
  // receive() runs.
  net::task<> finish();

 private:
  struct State;
  explicit WebSocket(std::shared_ptr<State> state) : state_(std::move(state)) {}
  std::shared_ptr<State> state_;
};

}  // namespace osb::http
