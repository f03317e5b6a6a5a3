#include "execd/retention.h"

#include <malloc.h>

#include <algorithm>
#include <utility>

#include "net/timer.h"

namespace osb::execd {

struct Retention::State {
  State(net::asio::any_io_executor e, Duration t, Forget f)
      : executor(e), ended(e), at_least(std::max(t / 100, Duration(1))), time(t), forget(std::move(f)) {}

  net::asio::any_io_executor executor;
  net::Event ended;
  Duration at_least;
  Duration time;
  Forget forget;  // null when the owner is gone
  bool running = false;
};

Retention::Retention(net::asio::any_io_executor executor, Duration time, Forget forget)
    : state_(std::make_shared<State>(std::move(executor), time, std::move(forget))) {}

Retention::~Retention() {
  state_->forget = nullptr;
  state_->ended.notify();
}

void Retention::begin() {
  if (std::exchange(state_->running, true)) return;
  net::spawn(state_->executor, "retention", run(state_));
}

net::task<> Retention::run(std::shared_ptr<State> state) {
  std::optional<Duration> left = state->time;
  while (left) {
    co_await state->ended.wait_for(std::max(*left, state->at_least));
    if (!state->forget) co_return;
    left = state->forget();
    ::malloc_trim(0);  // small pieces all over the heap: without this they stay with the process
  }
  state->running = false;
}

}  // namespace osb::execd
