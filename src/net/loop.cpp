// The hint UNSAFE_IO drops the locks of descriptor operations (only the loop's thread does those) and keeps
// the scheduler's, so that stop() and post() may come from other threads.
#include "net/loop.h"

#include <atomic>
#include <exception>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "base/error.h"

namespace osb::net {

struct Loop::State {
  // Ready to run again after an earlier run ended. False if stop() was called meanwhile, which is then spent.
  bool prepare() {
    context.restart();
    return !stopped.exchange(false);
  }

  asio::io_context context{BOOST_ASIO_CONCURRENCY_HINT_UNSAFE_IO};
  std::atomic<bool> stopped = false;
};

Loop::Loop() : state_(std::make_unique<State>()) {}
Loop::~Loop() = default;

asio::any_io_executor Loop::executor() { return state_->context.get_executor(); }

void Loop::run() {
  if (state_->prepare()) state_->context.run();
  state_->stopped = false;
}

void Loop::stop() {
  state_->stopped = true;
  state_->context.stop();
}

void Loop::run_until_done(task<> work) {
  struct Outcome {
    bool done = false;
    std::exception_ptr failure;
  };
  auto outcome = std::make_shared<Outcome>();
  if (state_->prepare()) {
    asio::co_spawn(state_->context, std::move(work), [outcome](std::exception_ptr e) {
      outcome->done = true;
      outcome->failure = e;
    });
    while (!outcome->done && state_->context.run_one() > 0) {}
  }
  if (!outcome->done) {
    state_->stopped = false;
    throw Error(ErrorCode::unavailable, "running a task to its end: the loop was stopped");
  }
  if (outcome->failure) std::rethrow_exception(outcome->failure);
}

}  // namespace osb::net
