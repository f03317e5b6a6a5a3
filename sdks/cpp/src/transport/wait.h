// How long a call may wait, and what ends the wait early. Every blocking operation of the library takes one.
#pragma once

#include <algorithm>
#include <chrono>
#include <optional>
#include <stop_token>

namespace opensandbox::detail {

using Clock = std::chrono::steady_clock;

struct Wait {
  Clock::time_point until = Clock::time_point::max();
  std::stop_token stop;
  // Besides, each single wait for the network may last that long; 0: no such limit. For bodies of any length.
  std::chrono::milliseconds each{0};

  static Wait at_most(std::chrono::milliseconds time, std::stop_token stop) {
    return {Clock::now() + time, std::move(stop), {}};
  }
  Wait capped(std::chrono::milliseconds time) const {
    return {std::min(until, Clock::now() + time), stop, {}};
  }
  static Wait until_stopped(std::stop_token stop) { return {Clock::time_point::max(), std::move(stop), {}}; }
  bool over() const { return Clock::now() >= until; }
  // For poll(2): rounded up, at least 0; -1 without a limit.
  int milliseconds_left() const;
};

// Waits until `fd` has one of `events` (of poll(2)). Throws Failure(timeout) or Failure(cancelled).
void wait_ready(int fd, short events, const Wait& wait);

// Sleeps, not beyond wait.until. Throws Failure(cancelled).
void pause(std::chrono::milliseconds time, const Wait& wait);

// Throws Failure(cancelled) if the caller was asked to stop.
void check_stop(const Wait& wait);

}  // namespace opensandbox::detail
