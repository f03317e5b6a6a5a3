// A stop token wakes poll(2) through an eventfd. Each thread has one, made when a call with a token first
// waits; the callback that writes to it lives only as long as the wait, so no write can come late.
#include "transport/wait.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "transport/failure.h"

namespace opensandbox::detail {
namespace {

class Waker {
 public:
  Waker() : fd_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}
  ~Waker() {
    if (fd_ >= 0) close(fd_);
  }
  Waker(const Waker&) = delete;
  Waker& operator=(const Waker&) = delete;

  int fd() const { return fd_; }
  void wake() const { eventfd_write(fd_, 1); }
  void calm() const {
    eventfd_t count;
    eventfd_read(fd_, &count);
  }

 private:
  int fd_;
};

const Waker& waker() {
  thread_local Waker instance;
  return instance;
}

[[noreturn]] void cancelled() { throw Failure(Failure::Cause::cancelled, "stopped"); }

// Polls `fd` (none if negative) and the stop token; false when the time is over.
bool poll_once(int fd, short events, const Wait& wait) {
  if (!wait.stop.stop_possible()) {
    pollfd one{fd, events, 0};
    return poll(&one, fd < 0 ? 0 : 1, wait.milliseconds_left()) > 0;
  }
  const Waker& mine = waker();
  std::stop_callback on_stop(wait.stop, [&mine] { mine.wake(); });
  pollfd two[2] = {{mine.fd(), POLLIN, 0}, {fd, events, 0}};
  int ready = poll(two, fd < 0 ? 1 : 2, wait.milliseconds_left());
  if (two[0].revents) mine.calm();
  return ready > 0 && fd >= 0 && two[1].revents;
}

}  // namespace

int Wait::milliseconds_left() const {
  if (until == Clock::time_point::max()) return -1;
  auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
  return static_cast<int>(std::clamp<long long>(left, 0, 1'000'000'000));
}

void check_stop(const Wait& wait) {
  if (wait.stop.stop_requested()) cancelled();
}

void wait_ready(int fd, short events, const Wait& given) {
  Wait wait = given.each.count() > 0 ? given.capped(given.each) : given;
  for (;;) {
    check_stop(wait);
    if (poll_once(fd, events, wait)) return;
    check_stop(wait);
    if (wait.over()) throw Failure(Failure::Cause::timeout, "no answer in time");
  }
}

void pause(std::chrono::milliseconds time, const Wait& wait) {
  Wait short_wait = wait.capped(time);
  while (!short_wait.over()) {
    check_stop(wait);
    poll_once(-1, 0, short_wait);
  }
  check_stop(wait);
}

}  // namespace opensandbox::detail
