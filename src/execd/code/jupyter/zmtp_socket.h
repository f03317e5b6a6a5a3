// A connected ZMTP socket over a stream: whole messages in and out. What is not asked for stays in the
// kernel's buffers, so a slow reader holds the peer back.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "execd/code/jupyter/zmtp.h"
#include "net/stream.h"
#include "net/task.h"
#include "net/timer.h"

namespace osb::execd {

// Used from one loop. Whoever waits in one of its coroutines keeps it alive.
class ZmtpSocket {
 public:
  ZmtpSocket(std::unique_ptr<net::Stream> stream, ZmtpType type, std::string identity);

  // Must end before anything else begins. Throws Error: that of the decoder, timeout, unavailable.
  net::task<> shake_hands(std::chrono::milliseconds limit);
  // Sends take turns. Throws Error: too_large, unavailable when the peer is gone and after cancel().
  net::task<> send(std::vector<std::string> frames);
  // The next message; nullopt when the peer ended the connection. Throws Error: invalid for bytes that are no
  // ZMTP, unavailable when the connection broke and after cancel(). One receiver.
  net::task<std::optional<ZmtpMessage>> receive();
  // Drops the connection and wakes everybody, for good.
  void cancel();

 private:
  net::task<bool> read_some();
  void answer();

  std::unique_ptr<net::Stream> stream_;
  ZmtpDecoder decoder_;
  std::string answers_;  // that the socket did not take yet; they go before the next message
  bool sending_ = false;
  bool cancelled_ = false;
  net::Event turn_;
};

}  // namespace osb::execd
