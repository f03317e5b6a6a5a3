// Host names to addresses, by the C library's resolver on a thread of its own: a name server that does not
// answer holds up nobody but those who wait for that name.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "net/task.h"

namespace osb::execd {

class NameLookup {
 public:
  explicit NameLookup(net::asio::any_io_executor executor);
  ~NameLookup();  // a lookup that still waits ends by itself
  NameLookup(const NameLookup&) = delete;

  // A numeric address of that name, IPv4 where there is one. One lookup at a time: while one that came too
  // late still runs, others fail. Throws Error: unavailable, timeout, exhausted.
  net::task<std::string> address_of(std::string name, std::chrono::milliseconds limit);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace osb::execd
