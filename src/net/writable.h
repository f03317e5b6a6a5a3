// Waiting until a descriptor takes bytes, for the few writers of descriptors that are not a Stream.
#pragma once

#include <memory>

#include "net/task.h"

namespace osb::net {

// Returns when `fd` can be written or its other end is gone (the write then tells which). A Readable may
// watch the same descriptor meanwhile. Not cancellable: the other end must be one that reads or dies.
task<> wait_writable(int fd);

// The same with a way to give up, for an other end that may do neither. Nothing else may watch the
// descriptor, which must be non-blocking and stays the caller's; destroy this before closing it.
class Writable {
 public:
  Writable(asio::any_io_executor executor, int fd);
  ~Writable();
  Writable(const Writable&) = delete;
  // Throws Error(unavailable) when cancel() ran.
  task<> wait();
  void cancel();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace osb::net
