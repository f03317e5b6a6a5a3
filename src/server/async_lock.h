// Mutual exclusion between coroutines of one loop, for operations on one sandbox that wait in the middle.
#pragma once

#include <chrono>
#include <memory>

#include "net/task.h"

namespace osb::server {

class AsyncLock {
  struct State;

 public:
  // Releases when destroyed. May outlive the lock.
  class Guard {
   public:
    explicit Guard(std::shared_ptr<State> state) : state_(std::move(state)) {}
    Guard(Guard&&) = default;
    Guard& operator=(Guard&&) = delete;
    ~Guard();

   private:
    std::shared_ptr<State> state_;
  };

  explicit AsyncLock(net::asio::any_io_executor executor);

  // Throws Error(timeout) when the holder keeps it longer than kLongestWait.
  net::task<Guard> acquire();
  static constexpr std::chrono::seconds kLongestWait{90};

 private:
  std::shared_ptr<State> state_;
};

}  // namespace osb::server
