#include "execd/reaper.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <map>
#include <utility>

#include <boost/asio/signal_set.hpp>

namespace osb::execd {

struct Reaper::State : std::enable_shared_from_this<State> {
  explicit State(const net::asio::any_io_executor& executor) : signals(executor, SIGCHLD) {}

  net::asio::signal_set signals;
  std::map<pid_t, std::function<void(sys::ExitStatus)>> waiting;
  std::function<void()> reaped;

  void listen() {
    signals.async_wait([weak = weak_from_this()](const boost::system::error_code& error, int) {
      auto self = weak.lock();
      if (!self || error) return;
      self->listen();
      self->reap();
    });
  }

  void reap() {
    auto keep = shared_from_this();  // a callback may destroy the Reaper
    bool any = false;
    int status = 0;
    rusage used = {};
    for (pid_t pid; (pid = ::wait4(-1, &status, WNOHANG, &used)) > 0; any = true) {
      auto entry = waiting.extract(pid);
      if (entry && entry.mapped()) entry.mapped()(sys::exit_status_of(status, &used));
    }
    if (any && reaped) reaped();
  }
};

Reaper::Reaper(net::asio::any_io_executor executor) : state_(std::make_shared<State>(executor)) {
  state_->listen();
}

Reaper::~Reaper() {
  state_->waiting.clear();
  state_->reaped = nullptr;
  state_->signals.cancel();
}

sys::Child Reaper::start(const sys::ChildSpec& spec, std::function<void(sys::ExitStatus)> on_exit) {
  sys::Child child = sys::start_child(spec);
  state_->waiting[child.pid] = std::move(on_exit);
  return child;
}

void Reaper::adopt(pid_t pid, std::function<void(sys::ExitStatus)> on_exit) {
  state_->waiting[pid] = std::move(on_exit);
}

void Reaper::reap() { state_->reap(); }

void Reaper::on_reap(std::function<void()> listener) { state_->reaped = std::move(listener); }

}  // namespace osb::execd
