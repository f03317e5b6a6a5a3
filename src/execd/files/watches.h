// The watches that run: each is an execution whose journal gets the changes of one WatchTree, until it is
// ended, what it watches is gone, or nobody has listened for a while. Everything here runs on the loop; the
// work on the tree itself is done by the helper threads, in the name of who asked for it.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "execd/executions.h"
#include "execd/files/watch_tree.h"
#include "net/task.h"
#include "net/timer.h"
#include "sys/act_as.h"

namespace osb::execd {

struct FileService;

struct WatchLimits {
  size_t watches = 16;                                          // that run at the same time
  size_t directories = WatchTree::kMaxWatches;                  // of one
  std::chrono::milliseconds unheard = std::chrono::minutes(2);  // without a listener; then it ends
};

class Watches {
 public:
  Watches(Executions& executions, WatchLimits limits) : executions_(executions), limits_(limits) {}
  Watches(const Watches&) = delete;

  const WatchLimits& limits() const { return limits_; }

  // A place among those that run, for as long as the object lives.
  class Place;
  // Throws Error(exhausted) when all are taken.
  std::unique_ptr<Place> take_place();

  // Reports the changes of a prepared tree from here on. Its first event is `init`, its last one
  // `execution_complete`, or `error` if it cannot go on.
  std::shared_ptr<Execution> begin(std::shared_ptr<FileService> service, std::shared_ptr<WatchTree> tree,
                                   std::unique_ptr<Place> place, net::asio::any_io_executor executor);

  // One that runs, or ran and whose events are kept; null if there is none, or it is of somebody else. The
  // daemon itself (nullopt) may see all.
  std::shared_ptr<Execution> find(const std::string& id, const std::optional<sys::FileIdentity>& who);
  // Ends it, if it still runs.
  void end(const std::string& id);

 private:
  struct Watch;
  static net::task<> run(std::shared_ptr<Watch> watch);
  static net::task<> poll(std::shared_ptr<Watch> watch);

  Executions& executions_;
  WatchLimits limits_;
  std::shared_ptr<size_t> running_ = std::make_shared<size_t>(0);
  struct Known {
    std::optional<uid_t> owner;
    std::weak_ptr<Watch> watch;
  };
  std::map<std::string, Known> known_;
};

class Watches::Place {
 public:
  explicit Place(std::shared_ptr<size_t> running) : running_(std::move(running)) { ++*running_; }
  ~Place() { --*running_; }
  Place(const Place&) = delete;

 private:
  std::shared_ptr<size_t> running_;
};

}  // namespace osb::execd
