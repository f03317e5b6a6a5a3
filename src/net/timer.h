// Waiting: a delay, and an event that one side sets and others wait for.
#pragma once

#include <chrono>
#include <memory>

#include "net/task.h"

namespace osb::net {

// Suspends the calling coroutine. Not cancellable: keep it short, or use Event::wait_for.
task<> sleep_for(std::chrono::milliseconds duration);

// A condition inside one loop. notify() wakes every current waiter; waiters look at the shared state
// themselves.
class Event {
 public:
  explicit Event(asio::any_io_executor executor);
  ~Event();
  Event(const Event&) = delete;

  void notify();
  // Waits for the next notify(). There is no lost wake-up inside a loop: check the state, then wait.
  task<> wait();
  // The same with a limit; false when it passed first.
  task<bool> wait_for(std::chrono::milliseconds limit);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

// Waits until the descriptor can be read (or hung up). The descriptor must be non-blocking and stays the
// caller's; destroy the watcher before closing it.
class Readable {
 public:
  Readable(asio::any_io_executor executor, int fd);
  ~Readable();
  Readable(const Readable&) = delete;
  // Throws Error(unavailable) when cancel() ran.
  task<> wait();
  void cancel();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace osb::net
