// One client: reads requests, writes replies and events, all bounded. A client that does not read its replies
// is not read from; one that does not even read its events is dropped (it connects again and asks for the
// list).
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "launcher/poller.h"
#include "launcher/protocol.h"

namespace osb::launcher {

class Connection {
 public:
  struct Events {
    std::function<void(Request)> request;
    std::function<void()> closed;  // the owner drops the connection after this turn
  };

  Connection(Poller& poller, Fd fd, Events events);

  // Queues if the socket is full. Does nothing once closed.
  void send(const Reply& reply);
  // Gives the descriptor away and is closed, without telling its owner; what arrived unread stays in it.
  Fd release();

 private:
  void on_ready(uint32_t events);
  void read_requests();
  void flush();
  void update_interest();
  void close(std::string_view why);

  Fd fd_;
  Events events_;
  std::deque<std::string> queue_;
  size_t queued_bytes_ = 0;
  uint32_t interest_ = 0;
  bool closed_ = false;
  Poller::Watch watch_;
};

// The uid of the process that connected. Throws Error.
uint32_t peer_uid(const Fd& fd);

}  // namespace osb::launcher
