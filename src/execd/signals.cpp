#include "execd/signals.h"

#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <utility>

#include "base/error.h"
#include "net/timer.h"

namespace osb::execd {
namespace {

// The codes below are the kernel's own; user space may not send them to another process.
pid_t sender_of(const signalfd_siginfo& info) {
  bool vouched = info.ssi_code == SI_USER || info.ssi_code == SI_TKILL || info.ssi_code == SI_KERNEL;
  return vouched ? static_cast<pid_t>(info.ssi_pid) : -1;
}

}  // namespace

Signals::Signals(const std::vector<int>& signals) {
  sigset_t set;
  ::sigemptyset(&set);
  for (int signal : signals) ::sigaddset(&set, signal);
  ::sigprocmask(SIG_BLOCK, &set, nullptr);
  fd_ = Fd(check(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK), "catching signals"));
}

void Signals::listen(net::asio::any_io_executor executor, Listener listener) {
  net::spawn(executor, "signals", run(executor, fd_.get(), std::move(listener)));
}

net::task<> Signals::run(net::asio::any_io_executor executor, int fd, Listener listener) {
  net::Readable readable(executor, fd);
  while (true) {
    co_await readable.wait();
    signalfd_siginfo info;
    while (::read(fd, &info, sizeof info) == static_cast<ssize_t>(sizeof info))
      listener(static_cast<int>(info.ssi_signo), sender_of(info));
  }
}

}  // namespace osb::execd
