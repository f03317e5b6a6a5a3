// Sandboxes that are made before anybody asks for them: a create that finds one is a rename, a few limits and
// an exec. They are made for the image "host", while nothing else is starting.
//
// How many stand ready follows demand: as many as were asked for in the last half minute or so, within
// kFewest and a ceiling. One that has waited for minutes makes room for a new one: packages of the machine
// may have changed under it.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "launcher/sandbox.h"

namespace osb::launcher {

class Slots {
 public:
  // `most` of zero: none at all. `on_change` is told when the last one is gone. Runs on the loop of `shop`.
  Slots(Workshop shop, size_t most, std::function<void()> on_change);

  // A parked sandbox, or null when none is ready.
  std::unique_ptr<Sandbox> take();
  // Between hold() and go_on(), once for each sandbox that starts, no slot is made: that work would be in its
  // way. Except for one, after make_beside(), if no other sandbox starts: while its process becomes execd
  // there is nothing to do here, and who creates one after the other leaves no other time.
  void hold();
  void make_beside();
  void go_on();
  // Follows demand; call it every few seconds.
  void refresh();
  // Undoes all of them, for good.
  void drain();
  bool empty() const { return ready_.empty() && leaving_.empty(); }

  static constexpr size_t kFewest = 4;

 private:
  using Clock = Poller::Clock;
  struct Slot {
    std::unique_ptr<Sandbox> sandbox;
    Clock::time_point made;
  };

  size_t wanted() const;
  void make_after(std::chrono::milliseconds pause);
  void make_one();
  void discard_oldest();
  void failed(const Error& error);
  void gone(const Sandbox* sandbox);

  Workshop shop_;
  size_t most_;
  std::function<void()> on_change_;
  std::deque<Slot> ready_;  // the oldest first
  std::vector<std::unique_ptr<Sandbox>> leaving_;
  size_t held_ = 0;
  size_t demand_ = 0, former_demand_ = 0;  // of the running period and the one before
  Clock::time_point period_end_;
  bool resting_ = false;  // after a failure, until the next refresh()
  Poller::Timer next_;
};

}  // namespace osb::launcher
