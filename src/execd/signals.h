// Signals as events of the loop. They are blocked for this thread and for those it starts later; children get
// them back unblocked.
#pragma once

#include <sys/types.h>

#include <functional>
#include <vector>

#include "base/fd.h"
#include "net/task.h"

namespace osb::execd {

class Signals {
 public:
  // `sender` is 0 for a process outside our pid namespace, -1 when the kernel does not vouch for it: what
  // comes by sigqueue() carries any sender that its caller likes.
  using Listener = std::function<void(int signal, pid_t sender)>;

  // Collects from now on; nothing is lost before listen(). Throws Error.
  explicit Signals(const std::vector<int>& signals);
  // Must outlive the loop that `executor` belongs to.
  void listen(net::asio::any_io_executor executor, Listener listener);

 private:
  static net::task<> run(net::asio::any_io_executor executor, int fd, Listener listener);

  Fd fd_;
};

}  // namespace osb::execd
