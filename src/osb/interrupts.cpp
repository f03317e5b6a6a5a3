#include "osb/interrupts.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>

#include <condition_variable>
#include <mutex>

#include "base/error.h"

namespace osb::cli {

Interrupts::Interrupts(std::function<void()> first) : first_(std::move(first)) {
  sigset_t set;
  ::sigemptyset(&set);
  for (int number : {SIGINT, SIGTERM, SIGHUP}) ::sigaddset(&set, number);
  ::pthread_sigmask(SIG_BLOCK, &set, &before_);
  signals_ = Fd(check(::signalfd(-1, &set, SFD_CLOEXEC), "waiting for signals"));
  end_ = Fd(check(::eventfd(0, EFD_CLOEXEC), "waiting for signals"));
  thread_ = std::thread([this] { wait(); });
}

Interrupts::~Interrupts() {
  ::eventfd_write(end_.get(), 1);
  thread_.join();
  ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

void Interrupts::wait() {
  while (true) {
    pollfd events[] = {{signals_.get(), POLLIN, 0}, {end_.get(), POLLIN, 0}};
    if (::poll(events, 2, -1) < 0) continue;
    if (events[1].revents) return;
    signalfd_siginfo info;
    if (::read(signals_.get(), &info, sizeof info) != sizeof info) continue;
    bool again = seen_.stop_requested();
    seen_.request_stop();
    if (again || !first_) {
      stop_.request_stop();
    } else {
      first_();
    }
  }
}

bool Interrupts::sleep(std::chrono::milliseconds time) const {
  std::mutex mutex;
  std::condition_variable_any changed;
  std::unique_lock lock(mutex);
  changed.wait_for(lock, seen_.get_token(), time, [] { return false; });
  return !seen_.stop_requested();
}

}  // namespace osb::cli
