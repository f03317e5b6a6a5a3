// The event loop of a thread. Everything asynchronous runs on exactly one.
#pragma once

#include <functional>
#include <memory>

#include "net/task.h"

namespace osb::net {

class Loop {
 public:
  Loop();
  ~Loop();
  Loop(const Loop&) = delete;

  asio::any_io_executor executor();
  // Runs until stop() or until nothing is left to do.
  void run();
  // Safe from any thread and from inside the loop.
  void stop();
  // Runs `work` to its end on this loop and returns; for tests and start-up. Rethrows what `work` throws.
  void run_until_done(task<> work);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace osb::net
