// The client's side of a WebSocket, for tests: speaks the protocol byte by byte, also wrongly.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "http/websocket_frame.h"
#include "net/stream.h"

namespace osb::http {

class WebSocketPeer {
 public:
  static constexpr const char* kKey = "dGhlIHNhbXBsZSBub25jZQ==";

  // What a browser would send; `headers` are whole lines with their line ends.
  static std::string request(const std::string& target, const std::string& headers = "") {
    return "GET " + target +
           " HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"
           "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " +
           kKey + "\r\n" + headers + "\r\n";
  }

  // Sends the text of a request. The head of the answer is in `head`; it became a WebSocket if `upgraded`.
  static net::task<std::unique_ptr<WebSocketPeer>> connect(net::asio::any_io_executor executor, uint16_t port,
                                                           std::string text) {
    auto peer = std::unique_ptr<WebSocketPeer>(new WebSocketPeer);
    peer->stream = co_await net::connect_tcp(executor, "127.0.0.1", port, std::chrono::seconds(5));
    peer->stream->set_read_deadline(std::chrono::seconds(60));
    co_await peer->stream->write(text);
    while (peer->bytes.find("\r\n\r\n") == std::string::npos)
      if (!co_await peer->read_more()) break;
    size_t end = std::min(peer->bytes.find("\r\n\r\n"), peer->bytes.size() - 4) + 4;
    peer->head = peer->bytes.substr(0, end);
    peer->upgraded = peer->head.starts_with("HTTP/1.1 101 ");
    if (peer->upgraded) peer->bytes.erase(0, end);
    if (!peer->upgraded) peer->head = peer->bytes;  // with as much of the body as came
    co_return peer;
  }

  net::task<> send(Opcode kind, std::string payload, bool last = true) {
    std::string frame;
    append_frame(frame, kind, payload, 0x12345678, last);
    co_await stream->write(frame);
  }
  net::task<> send_bytes(std::string raw) { co_await stream->write(raw); }

  // The next frame's message, control frames included; nullopt when the connection ended.
  net::task<std::optional<WebSocketMessage>> next() {
    while (true) {
      while (!bytes.empty()) {
        WebSocketDecoder::Step step = decoder.feed(bytes);
        bytes.erase(0, step.consumed);
        if (step.message) co_return std::move(step.message);
      }
      if (!co_await read_more()) co_return std::nullopt;
    }
  }

  // False at the end, also at a broken one.
  net::task<bool> read_more() {
    char buffer[16 * 1024];
    try {
      size_t count = co_await stream->read_some(buffer);
      bytes.append(buffer, count);
      co_return count > 0;
    } catch (const Error& error) {
      timed_out = error.code() == ErrorCode::timeout;
    }
    co_return false;
  }

  std::unique_ptr<net::Stream> stream;
  WebSocketDecoder decoder{WebSocketDecoder::From::server, 64 * 1024 * 1024};
  std::string head;
  std::string bytes;
  bool upgraded = false;
  bool timed_out = false;
};

}  // namespace osb::http
