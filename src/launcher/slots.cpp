#include "launcher/slots.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/log.h"

namespace osb::launcher {

namespace {
constexpr auto kPeriod = std::chrono::seconds(30);
constexpr auto kMaxAge = std::chrono::minutes(5);
// After the last start: who creates in a row comes back within this time, and would have to wait.
constexpr auto kRest = std::chrono::milliseconds(5);
constexpr auto kBetween = std::chrono::milliseconds(1);
}  // namespace

Slots::Slots(Workshop shop, size_t most, std::function<void()> on_change)
    : shop_(shop), most_(most), on_change_(std::move(on_change)), period_end_(Clock::now() + kPeriod) {
  make_after(kRest);
}

std::unique_ptr<Sandbox> Slots::take() {
  demand_++;
  while (!ready_.empty()) {
    std::unique_ptr<Sandbox> sandbox = std::move(ready_.front().sandbox);
    ready_.pop_front();
    if (sandbox->usable()) return sandbox;
    leaving_.push_back(std::move(sandbox));  // its end is on the way
  }
  return nullptr;
}

void Slots::hold() {
  held_++;
  next_.reset();
}

void Slots::make_beside() {
  if (held_ != 1 || ready_.size() >= wanted()) return;
  next_ = shop_.poller.after(std::chrono::milliseconds(0), [this] {
    next_.reset();
    make_one();
  });
}

void Slots::go_on() {
  if (--held_ == 0) make_after(kRest);
}

size_t Slots::wanted() const {
  if (most_ == 0 || resting_) return 0;
  return std::min(std::max({demand_, former_demand_, kFewest}), most_);
}

void Slots::make_after(std::chrono::milliseconds pause) {
  if (held_ > 0 || next_ || ready_.size() >= wanted()) return;
  next_ = shop_.poller.after(pause, [this] {
    next_.reset();
    make_one();
    make_after(kBetween);
  });
}

void Slots::make_one() {
  auto sandbox = std::make_unique<Sandbox>(shop_);
  Sandbox* made = sandbox.get();
  ready_.push_back({std::move(sandbox), Clock::now()});
  made->park({.started = [this](Result<void> result) { failed(result.error()); },
              .exited = [] {},
              .gone = [this, made] { gone(made); }});
}

void Slots::refresh() {
  Clock::time_point now = Clock::now();
  resting_ = false;
  if (now >= period_end_) {
    period_end_ = now + kPeriod;
    former_demand_ = std::exchange(demand_, 0);
  }
  if (!ready_.empty() && (ready_.size() > wanted() || ready_.front().made + kMaxAge < now)) discard_oldest();
  make_after(kRest);
}

void Slots::discard_oldest() {
  leaving_.push_back(std::move(ready_.front().sandbox));
  ready_.pop_front();
  leaving_.back()->destroy();
}

void Slots::drain() {
  most_ = 0;
  next_.reset();
  while (!ready_.empty()) discard_oldest();
}

// Comes for one that was discarded, too: nobody waits for it.
void Slots::failed(const Error& error) {
  if (error.code() == ErrorCode::conflict) return;
  log_warn("making a sandbox ahead failed", {{"error", error.message()}});
  resting_ = true;
}

// Runs in a call of the sandbox: the object itself is dropped at the end of the loop's turn.
void Slots::gone(const Sandbox* sandbox) {
  auto keep = [this](std::unique_ptr<Sandbox> dead) {
    shop_.poller.defer([this, dead = std::shared_ptr<Sandbox>(std::move(dead))] { on_change_(); });
  };
  if (auto at = std::ranges::find(leaving_, sandbox, &std::unique_ptr<Sandbox>::get); at != leaving_.end()) {
    keep(std::move(*at));
    leaving_.erase(at);
  } else if (auto slot = std::ranges::find(ready_, sandbox, [](const Slot& s) { return s.sandbox.get(); });
             slot != ready_.end()) {
    keep(std::move(slot->sandbox));
    ready_.erase(slot);
  }
}

}  // namespace osb::launcher
