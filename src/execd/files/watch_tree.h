// What changes in a directory, a tree or one file, from the kernel's inotify. Nothing here waits for changes;
// everything may wait for a disk: it belongs on a worker, one call at a time.
//
// A directory is watched before it is read, so nothing that appears in it is missed: what is found by reading
// and also comes as an event is reported once. Watches hold on to directories, not to names; the names are
// kept by following the moves. When the kernel's queue has overflowed, moves may be missing too: then all
// watches are made anew. Links are not followed and other file systems not entered.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/fd.h"
#include "execd/files/change.h"
#include "execd/files/tree_walk.h"

struct inotify_event;

namespace osb::execd {

class WatchTree {
 public:
  static constexpr size_t kMaxWatches = 8192;

  // The absolute path; a link in its last part is followed. A file is watched by its name, so that it may be
  // replaced. Throws Error: not_found; exhausted when the kernel has no instance left; unsupported without
  // /proc.
  WatchTree(std::string path, bool recursive, size_t max_watches = kMaxWatches);

  // To be polled for reading; non-blocking.
  int fd() const { return inotify_.get(); }

  // Watches what is there at the beginning; true when all of it is watched.
  bool prepare(std::chrono::milliseconds slice);

  // Appends what happened since, about `slice` long. True if there is more to do at once. `settle`: nothing
  // more will come soon, so a move that waits for its other half is one out of the tree.
  bool step(std::chrono::milliseconds slice, bool settle, std::vector<Change>& changes);
  // A move waits for its other half.
  bool unsettled() const { return held_.has_value(); }
  // The watched directory itself is gone.
  bool ended() const { return ended_; }

 private:
  // Reading a directory that came into the tree.
  struct Scan {
    std::string path;  // relative to the root
    TreeWalk walk;
    bool silent;  // what it finds is not news
  };
  struct HalfMove {
    uint32_t cookie;
    std::string path;
    bool directory;
  };

  void add_root();
  void add_parent();
  int add(int fd, uint32_t events);
  bool watch(const std::string& path);
  void enter(const std::string& path, bool silent);
  bool scan(std::chrono::steady_clock::time_point until);
  bool read_events();
  void handle(const inotify_event& event);
  bool ends_root(const inotify_event& event) const;
  void end(bool moved);
  void handle_entry(const std::string& path, uint32_t mask, uint32_t cookie);
  void appeared(const std::string& path, uint32_t mask);
  void moved_here(const std::string& path, uint32_t mask, uint32_t cookie);
  void give_up_held();
  void start_anew();
  void forget_below(const std::string& path);
  void rename_below(const std::string& from, const std::string& to);
  void report(Change::Kind kind, const std::string& path, bool directory);
  std::string absolute(const std::string& path) const;

  std::string path_;
  std::string only_;  // the one name that counts; empty: all
  bool recursive_;
  size_t max_watches_;
  Fd inotify_;
  Fd root_;
  dev_t device_ = 0;
  int root_watch_ = -1;
  int parent_watch_ = -1;  // of the directory that holds the root, for the end of the root
  std::string root_name_;  // in there
  std::unordered_map<int, std::string> directories_;  // by watch; relative to the root, "" is the root
  std::optional<Scan> scan_;
  std::string buffer_;  // events not handled yet
  size_t position_ = 0;
  std::optional<HalfMove> held_;
  std::unordered_set<std::string> found_;     // by reading, their events are still to come
  std::unordered_set<std::string> modified_;  // reported from this buffer
  std::vector<Change>* changes_ = nullptr;
  bool incomplete_ = false;  // a directory is not watched, for the limit's sake
  bool told_incomplete_ = false;
  bool ended_ = false;
};

}  // namespace osb::execd
