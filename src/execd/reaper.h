// The only place in execd that calls waitpid(): as PID 1 (or subreaper) the daemon inherits every orphan of
// the sandbox, so children are reaped centrally and handed to whoever waits for that pid. Orphans are reaped
// silently.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>

#include "net/task.h"
#include "sys/child.h"

namespace osb::execd {

class Reaper {
 public:
  explicit Reaper(net::asio::any_io_executor executor);
  ~Reaper();
  Reaper(const Reaper&) = delete;

  // Starts the child and returns it; `on_exit` runs on the loop once, after the leader was reaped. A child
  // that ends before anybody listens is not lost.
  sys::Child start(const sys::ChildSpec& spec, std::function<void(sys::ExitStatus)> on_exit);
  // The same for an orphan that we inherit: a process that its parent has left to us. One that was reaped
  // before this call is never heard of.
  void adopt(pid_t pid, std::function<void(sys::ExitStatus)> on_exit);
  // Reaps whatever has ended; called on SIGCHLD.
  void reap();
  // Runs on the loop each time something was reaped, orphans included, after the callbacks of start(). One
  // listener.
  void on_reap(std::function<void()> listener);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace osb::execd
