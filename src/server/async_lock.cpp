#include "server/async_lock.h"

#include "base/error.h"
#include "net/timer.h"

namespace osb::server {

struct AsyncLock::State {
  explicit State(net::asio::any_io_executor executor) : released(std::move(executor)) {}
  bool held = false;
  net::Event released;
};

AsyncLock::AsyncLock(net::asio::any_io_executor executor)
    : state_(std::make_shared<State>(std::move(executor))) {}

net::task<AsyncLock::Guard> AsyncLock::acquire() {
  std::shared_ptr<State> state = state_;
  auto end = std::chrono::steady_clock::now() + kLongestWait;
  while (state->held) {
    auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
    if (left.count() <= 0 || !co_await state->released.wait_for(left))
      throw Error(ErrorCode::timeout, "waiting for another operation on the sandbox: it takes too long");
  }
  state->held = true;
  co_return Guard(std::move(state));
}

AsyncLock::Guard::~Guard() {
  if (!state_) return;
  state_->held = false;
  state_->released.notify();
}

}  // namespace osb::server
