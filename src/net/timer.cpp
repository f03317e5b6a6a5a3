// Waiters of an Event are steady_timers that notify() cancels: a timer that never expires costs no system
// call.
#include "net/timer.h"

#include <list>
#include <utility>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/error.h"
#include "net/descriptor_watch.h"

namespace osb::net {

task<> sleep_for(std::chrono::milliseconds duration) {
  asio::steady_timer timer(co_await asio::this_coro::executor, duration);
  co_await timer.async_wait(asio::use_awaitable);
}

struct Event::State {
  struct Waiter {
    asio::steady_timer timer;
    bool notified = false;
  };

  explicit State(asio::any_io_executor e) : executor(std::move(e)) {}

  void wake_all() {
    for (Waiter& waiter : waiters) {
      if (std::exchange(waiter.notified, true)) continue;  // on its way already
      waiter.timer.cancel();
    }
  }

  asio::any_io_executor executor;
  std::list<Waiter> waiters;
  bool gone = false;
};

namespace {
// Takes the state by value: the event may be destroyed while somebody waits.
template <class State>
task<bool> wait_until(std::shared_ptr<State> state, std::chrono::steady_clock::time_point end) {
  struct Place {
    std::shared_ptr<State> state;
    typename std::list<typename State::Waiter>::iterator at;
    ~Place() { state->waiters.erase(at); }
  };
  state->waiters.push_front({asio::steady_timer(state->executor, end)});
  Place place{state, state->waiters.begin()};
  boost::system::error_code ignored;
  co_await place.at->timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  if (state->gone) throw Error(ErrorCode::unavailable, "waiting for an event: it was destroyed");
  co_return place.at->notified;
}
}  // namespace

Event::Event(asio::any_io_executor executor) : state_(std::make_shared<State>(std::move(executor))) {}

Event::~Event() {
  state_->gone = true;
  state_->wake_all();
}

void Event::notify() { state_->wake_all(); }

task<> Event::wait() { co_await wait_until(state_, std::chrono::steady_clock::time_point::max()); }

task<bool> Event::wait_for(std::chrono::milliseconds limit) {
  return wait_until(state_, std::chrono::steady_clock::now() + limit);
}

struct Readable::State : DescriptorWatch {
  using DescriptorWatch::DescriptorWatch;
};

Readable::Readable(asio::any_io_executor executor, int fd)
    : state_(std::make_unique<State>(std::move(executor), fd)) {}
Readable::~Readable() = default;

task<> Readable::wait() { return state_->wait(asio::posix::descriptor_base::wait_read); }

void Readable::cancel() { state_->cancel(); }

}  // namespace osb::net
