#include "execd/life.h"

#include <signal.h>

#include <utility>

#include "base/log.h"
#include "execd/descendants.h"

namespace osb::execd {
namespace {

using std::chrono::milliseconds;

// What is killed at the end gets this long to go by itself, and then its streams to say so.
constexpr milliseconds kHangUp{500};  // for shells on terminals, which do not mind SIGTERM
constexpr milliseconds kPatience{3000};
constexpr milliseconds kLastWords{200};
constexpr milliseconds kRestartPatience{10000};

}  // namespace

Life::Life(net::Loop& loop, Reaper& reaper, LifeOptions options)
    : loop_(loop), grace_(options.grace), hooks_(loop.executor(), reaper, options.daemon.commands) {
  if (options.entrypoint)
    entrypoint_.emplace(loop.executor(), reaper, std::move(*options.entrypoint), options.daemon.commands,
                        [this](int code) { end(code); });
  options.daemon.on_init = [this](InitRequest init) { return initialise(std::move(init)); };
  daemon_ = std::make_unique<Daemon>(loop.executor(), reaper, std::move(options.daemon));
}

void Life::listen() { daemon_->listen(); }

void Life::start(Lifecycle lifecycle, Started started) {
  net::spawn(loop_.executor(), "start", begin(std::move(lifecycle), std::move(started)));
}

net::task<> Life::begin(Lifecycle lifecycle, Started started) {
  std::optional<Error> failure;
  try {
    if (lifecycle.pre_start) co_await hooks_.run(*lifecycle.pre_start, "preStart");
    if (entrypoint_ && !ending_) entrypoint_->start();
  } catch (const Error& error) {
    failure = error;
  }
  starting_ = false;
  if (started) started(failure ? &*failure : nullptr);
  if (!failure) co_return hooks_.start_periodic(lifecycle.periodic);
  log_error("the start failed", {{"error", failure->message()}});
  end(entrypoint_ ? exit_code_of(*failure) : 1);
}

net::task<> Life::initialise(InitRequest init) {
  hooks_.add_environment(init.envs);
  if (entrypoint_) entrypoint_->add_environment(init.envs);
  if (init.lifecycle.pre_start) co_await hooks_.run(*init.lifecycle.pre_start, "preStart");
  if (!init.lifecycle.empty()) hooks_.start_periodic(init.lifecycle.periodic);
  if (init.restart_entrypoint && entrypoint_) co_await entrypoint_->restart(kRestartPatience);
}

net::task<> Life::shut_down(int code) {
  exit_code_ = code;
  co_await daemon_->drain(grace_);
  co_await daemon_->hang_up(kHangUp);
  co_await end_descendants(kPatience);
  co_await daemon_->stop(kLastWords);
  loop_.stop();
}

void Life::end(int code) {
  if (std::exchange(ending_, true)) return;
  hooks_.start_periodic({});
  net::spawn(loop_.executor(), "end", shut_down(code));
}

void Life::signal(int number) {
  if (entrypoint_ && !starting_) return entrypoint_->forward(number);
  if (number != SIGTERM && number != SIGINT) return;
  hooks_.kill_running();
  end(entrypoint_ ? 128 + number : 0);
}

}  // namespace osb::execd
