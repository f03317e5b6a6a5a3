// Events carry the number of their Watch, not a pointer: within one batch of epoll_wait a handler may have
// dropped the Watch of a later event, whose number then no longer resolves.
#include "launcher/poller.h"

#include <errno.h>
#include <sys/epoll.h>

#include <algorithm>

#include "base/error.h"

namespace osb::launcher {

Poller::Poller() : epoll_(check(::epoll_create1(EPOLL_CLOEXEC), "creating an epoll")) {}

Poller::Watch& Poller::Watch::operator=(Watch&& other) noexcept {
  if (this != &other) {
    reset();
    poller_ = std::exchange(other.poller_, nullptr);
    id_ = other.id_;
    fd_ = other.fd_;
  }
  return *this;
}

void Poller::Watch::reset() {
  if (!poller_) return;
  ::epoll_ctl(poller_->epoll_.get(), EPOLL_CTL_DEL, fd_, nullptr);
  poller_->watches_.erase(id_);
  poller_ = nullptr;
}

void Poller::Watch::set(uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = id_;
  check(::epoll_ctl(poller_->epoll_.get(), EPOLL_CTL_MOD, fd_, &event), "changing a watched descriptor");
}

Poller::Timer& Poller::Timer::operator=(Timer&& other) noexcept {
  if (this != &other) {
    reset();
    poller_ = std::exchange(other.poller_, nullptr);
    key_ = other.key_;
  }
  return *this;
}

void Poller::Timer::reset() {
  if (poller_) poller_->timers_.erase(key_);
  poller_ = nullptr;
}

Poller::Watch Poller::watch(int fd, uint32_t events, Handler handler) {
  Watch watch;
  watch.id_ = next_id_++;
  watch.fd_ = fd;
  epoll_event event{};
  event.events = events;
  event.data.u64 = watch.id_;
  check(::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event), "watching a descriptor");
  watches_.emplace(watch.id_, std::make_shared<Handler>(std::move(handler)));
  watch.poller_ = this;
  return watch;
}

Poller::Timer Poller::after(std::chrono::milliseconds delay, std::function<void()> run) {
  Timer timer;
  timer.key_ = {Clock::now() + delay, next_id_++};
  timers_.emplace(timer.key_, std::move(run));
  timer.poller_ = this;
  return timer;
}

void Poller::defer(std::function<void()> run) { deferred_.push_back(std::move(run)); }

void Poller::run() {
  while (!stopped_) turn();
}

int Poller::next_timeout() const {
  if (!deferred_.empty()) return 0;
  if (timers_.empty()) return -1;
  auto left = std::chrono::ceil<std::chrono::milliseconds>(timers_.begin()->first.first - Clock::now());
  return static_cast<int>(std::clamp<int64_t>(left.count(), 0, 60'000));
}

void Poller::turn() {
  epoll_event events[64];
  int count = ::epoll_wait(epoll_.get(), events, std::size(events), next_timeout());
  if (count < 0 && errno != EINTR) throw system_error("waiting for events");
  for (int i = 0; i < count; i++) {
    uint64_t id = events[i].data.u64;  // a copy: epoll_event is packed, its members bind to no reference
    auto found = watches_.find(id);
    if (found == watches_.end()) continue;
    std::shared_ptr<Handler> handler = found->second;  // survives its own removal
    (*handler)(events[i].events);
  }
  run_timers();
  run_deferred();
}

void Poller::run_timers() {
  auto now = Clock::now();
  while (!timers_.empty() && timers_.begin()->first.first <= now) {
    auto node = timers_.extract(timers_.begin());
    node.mapped()();
  }
}

void Poller::run_deferred() {
  std::vector<std::function<void()>> batch;
  batch.swap(deferred_);
  for (auto& run : batch) run();
}

}  // namespace osb::launcher
