// Notices that a peer left while nobody reads from the connection: a client that goes away in the middle of a
// long answer. Works whether or not unread bytes wait in the socket, and beside any read or write.
//
// Asio's reactor does not ask for EPOLLRDHUP, so each loop keeps a second epoll set for it, itself watched by
// Asio.
#pragma once

#include <functional>
#include <memory>

#include "net/stream.h"

namespace osb::net {

class HangupWatch {
 public:
  // Calls `on_hangup` once, from the loop, when the peer ended its side or broke the connection; at once (but
  // not from here) if it already did. Destroy the watch before the stream is closed.
  HangupWatch(Stream& stream, std::function<void()> on_hangup);
  // After this, `on_hangup` does not run.
  ~HangupWatch();
  HangupWatch(const HangupWatch&) = delete;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace osb::net
