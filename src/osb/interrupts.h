// Ctrl-C and SIGTERM as things that happen to a call rather than to the process. While one of these lives the
// signals are blocked in every thread, and a thread of its own waits for them.
#pragma once

#include <signal.h>

#include <functional>
#include <stop_token>
#include <thread>

#include "base/fd.h"

namespace osb::cli {

class Interrupts {
 public:
  // `first` is called on the waiting thread at the first signal, if given, and must not throw; the second
  // one, or the first if nothing is given, stops token(). To be made before other threads are.
  explicit Interrupts(std::function<void()> first = {});
  ~Interrupts();
  Interrupts(const Interrupts&) = delete;
  Interrupts& operator=(const Interrupts&) = delete;

  std::stop_token token() const { return stop_.get_token(); }
  // Whether a signal came.
  bool happened() const { return seen_.stop_requested(); }
  // Sleeps; false if it was stopped.
  bool sleep(std::chrono::milliseconds time) const;

 private:
  void wait();

  std::function<void()> first_;
  std::stop_source stop_, seen_;
  sigset_t before_{};
  Fd signals_, end_;
  std::thread thread_;
};

}  // namespace osb::cli
