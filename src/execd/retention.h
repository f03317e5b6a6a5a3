// Forgets what is kept for a time only, without waiting for a request to come by: memory and disk are given
// back when the time is over. There is no timer while nothing is kept.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>

#include "net/task.h"

namespace osb::execd {

class Retention {
 public:
  using Duration = std::chrono::milliseconds;
  // Forgets what is due, and returns how long the oldest of the rest is still kept; nullopt if there is none.
  using Forget = std::function<std::optional<Duration>()>;

  // `time`: how long things are kept. They may stay a hundredth of it longer, so that many that end one after
  // the other do not each wake the daemon up.
  Retention(net::asio::any_io_executor executor, Duration time, Forget forget);
  // `forget` is not called any more.
  ~Retention();
  Retention(const Retention&) = delete;

  // Something is kept from now on. Cheap: for every time that something is.
  void begin();

 private:
  struct State;
  static net::task<> run(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;
};

}  // namespace osb::execd
