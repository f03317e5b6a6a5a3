#include "launcher/trash.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "base/error.h"
#include "base/ids.h"
#include "base/log.h"
#include "sys/tree.h"

namespace osb::launcher {

namespace {

void empty(int directory) {
  for (const std::string& name : sys::list_directory(directory)) {
    try {
      sys::remove_tree(directory, name);
    } catch (const Error& e) {
      log_warn("a sandbox's files stay behind until the next start",
               {{"name", name}, {"error", e.message()}});
    }
  }
}

void close_all_but(int a, int b) {
  if (a > b) std::swap(a, b);
  if (a > 3) ::syscall(SYS_close_range, 3, a - 1, 0);
  if (b > a + 1) ::syscall(SYS_close_range, a + 1, b - 1, 0);
  ::syscall(SYS_close_range, b + 1, ~0u, 0);
}

[[noreturn]] void work(int directory, int orders) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  ::prctl(PR_SET_NAME, "osb-trash", 0, 0, 0);
  ::setpriority(PRIO_PROCESS, 0, 10);
  constexpr int kIdleClass = 3 << 13;
  ::syscall(SYS_ioprio_set, 1, 0, kIdleClass);
  close_all_but(directory, orders);
  try {
    empty(directory);
    char order[64];
    // End of file: the launcher is gone.
    for (ssize_t n; (n = ::read(orders, order, sizeof order)) > 0 || (n < 0 && errno == EINTR);)
      empty(directory);
  } catch (const std::exception& e) {
    log_error("deleting sandboxes' files failed", {{"error", e.what()}});
  }
  ::_exit(0);
}

}  // namespace

Trash::Trash(int directory) : directory_(directory) { start(); }

Trash::~Trash() {
  orders_.reset();
  for (int tries = 0; tries < 200; tries++) {
    if (::waitpid(worker_, nullptr, WNOHANG) != 0) return;
    ::usleep(10'000);
  }
  ::kill(worker_, SIGKILL);  // the next start goes on
  ::waitpid(worker_, nullptr, 0);
}

void Trash::start() {
  Pipe orders = make_pipe();
  worker_ = check(::fork(), "starting the deleting process");
  if (worker_ == 0) work(directory_, orders.read.get());
  orders_ = std::move(orders.write);
  ::fcntl(orders_.get(), F_SETFL, O_NONBLOCK);
}

void Trash::take(int from, const std::string& name) {
  std::string unique = name + "." + new_hex_id();
  if (::renameat(from, name.c_str(), directory_, unique.c_str()) != 0) {
    if (errno == ENOENT) return;
    throw system_error("discarding the directory of " + name);
  }
  wake();
}

void Trash::wake() {
  // A full pipe means that it has orders enough; a broken one that it died.
  if (::write(orders_.get(), "x", 1) == 1 || errno != EPIPE) return;
  log_warn("the deleting process ended, starting another one");
  ::waitpid(worker_, nullptr, 0);
  start();
}

}  // namespace osb::launcher
