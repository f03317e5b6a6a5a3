// Processes that change the image store for clients, one per request. The launcher reads no archive itself:
// who unpacks what nobody vouches for holds no capability beyond those that files need, sees no directory but
// the store (chroot), has no network, the system call filter of sandboxes, and a bounded memory. They die
// with the launcher; the next change of the store, or the next launcher, removes what such a death left.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <map>

#include "base/fd.h"
#include "launcher/poller.h"
#include "launcher/protocol.h"
#include "launcher/site.h"

namespace osb::launcher {

class ImageWorkers {
 public:
  // Both outlive this. `on_change` is told when one has ended.
  ImageWorkers(Poller& poller, const Site& site, std::function<void()> on_change);

  // Hands the connection to a new process, which answers `request` on it; where there are too many already,
  // or none can be made, the answer is an ErrorReply.
  void start(Fd connection, const Request& request);
  // Removes what earlier changes left half-done, in a process as well.
  void sweep();
  size_t count() const { return workers_.size(); }

 private:
  struct Worker {
    Fd pidfd;
    Poller::Watch watch;
  };

  void launch(Fd& connection, const Request* request);
  void reap(uint64_t number);

  Poller& poller_;
  const Site& site_;
  std::function<void()> on_change_;
  std::map<uint64_t, Worker> workers_;
  uint64_t last_ = 0;
};

}  // namespace osb::launcher
