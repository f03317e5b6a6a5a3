#include "execd/files/watch_tree.h"

#include <errno.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "execd/files/failure.h"
#include "sys/path.h"

namespace osb::execd {

namespace {

constexpr uint32_t kEvents = IN_CREATE | IN_DELETE | IN_MODIFY | IN_CLOSE_WRITE | IN_ATTRIB | IN_MOVED_FROM |
                             IN_MOVED_TO | IN_ONLYDIR | IN_EXCL_UNLINK;
constexpr size_t kBuffer = 16 * 1024;
constexpr size_t kMaxFound = 64 * 1024;  // beyond that an entry may be reported twice

using Clock = std::chrono::steady_clock;

std::string join(const std::string& directory, std::string_view name) {
  return directory.empty() ? std::string(name) : directory + "/" + std::string(name);
}

bool is_below(const std::string& path, const std::string& directory) {
  return path == directory ||
         (path.starts_with(directory) && path.size() > directory.size() && path[directory.size()] == '/');
}

}  // namespace

WatchTree::WatchTree(std::string path, bool recursive, size_t max_watches)
    : path_(std::move(path)),
      recursive_(recursive),
      max_watches_(max_watches),
      inotify_(check(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK), "watching " + path_)) {
  Fd there = sys::open_at(AT_FDCWD, path_, O_PATH);
  struct stat st{};
  if (!there || ::fstat(there.get(), &st) != 0)
    throw file_error("watching", path_, is_missing(errno) ? ENOENT : errno);
  if (S_ISDIR(st.st_mode)) {
    root_ = std::move(there);
  } else {
    std::optional<sys::Place> place = sys::locate(path_);
    if (!place) throw file_error("watching", path_);
    only_ = place->name;
    root_ = std::move(place->parent);
    path_.resize(path_.size() - only_.size());
    if (path_.size() > 1) path_.pop_back();
    recursive_ = false;
  }
  add_root();
  if (recursive_) enter("", true);
}

// Watches what a descriptor holds.
int WatchTree::add(int fd, uint32_t events) {
  char self[64];
  snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
  return ::inotify_add_watch(inotify_.get(), self, events);
}

void WatchTree::add_root() {
  struct stat st{};
  if (::fstat(root_.get(), &st) != 0) throw file_error("watching", path_);
  device_ = st.st_dev;
  root_watch_ = add(root_.get(), kEvents | IN_MOVE_SELF);
  if (root_watch_ < 0 && errno == ENOENT)
    throw Error(ErrorCode::unsupported, "watching " + path_ + ": /proc is not mounted");
  if (root_watch_ < 0 && errno == ENOSPC) throw system_error("watching " + path_, EMFILE);
  if (root_watch_ < 0) throw file_error("watching", path_);
  directories_[root_watch_] = "";
  add_parent();
}

// A directory that is held open does not tell its own removal; the one above does, where it may be read.
void WatchTree::add_parent() {
  parent_watch_ = -1;
  char self[64], text[PATH_MAX];
  snprintf(self, sizeof self, "/proc/self/fd/%d", root_.get());
  ssize_t n = ::readlink(self, text, sizeof text);
  Fd up = sys::open_at(root_.get(), "..", O_PATH | O_DIRECTORY);
  if (n <= 1 || !up) return;
  root_name_ = sys::base_name({text, static_cast<size_t>(n)});
  struct stat named{}, root{};
  if (::fstatat(up.get(), root_name_.c_str(), &named, AT_SYMLINK_NOFOLLOW) == 0 &&
      ::fstat(root_.get(), &root) == 0 && named.st_ino == root.st_ino && named.st_dev == root.st_dev)
    parent_watch_ = add(up.get(), IN_DELETE | IN_MOVED_FROM | IN_ONLYDIR);
}

// By a descriptor, so that no link on the way leads elsewhere. False for what cannot be watched (any more).
bool WatchTree::watch(const std::string& path) {
  Fd fd = sys::open_at(root_.get(), path, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0,
                       RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
  struct stat st{};
  if (!fd || ::fstat(fd.get(), &st) != 0 || st.st_dev != device_) return false;
  bool full = directories_.size() >= max_watches_;
  int watch = full ? -1 : add(fd.get(), kEvents);
  if (watch >= 0)
    directories_[watch] = path;
  else
    incomplete_ = incomplete_ || full || errno == ENOSPC;
  return watch >= 0;
}

// Begins to read a directory that is watched.
void WatchTree::enter(const std::string& path, bool silent) {
  Fd fd = sys::open_at(root_.get(), path.empty() ? "." : path, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0,
                       RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
  if (fd) scan_.emplace(Scan{path, TreeWalk(std::move(fd), UINT32_MAX), silent});
}

// True when nothing is left to read.
bool WatchTree::scan(Clock::time_point until) {
  TreeWalk::Entry entry;
  for (int n = 1; scan_; ++n) {
    if (n % 64 == 0 && Clock::now() > until) return false;
    if (!scan_->walk.next(entry)) {
      scan_.reset();
      break;
    }
    std::string path = join(scan_->path, entry.path);
    bool directory = S_ISDIR(entry.st.st_mode);
    if (!scan_->silent) {
      report(Change::Kind::created, path, directory);
      if (found_.size() >= kMaxFound) found_.clear();
      found_.insert(path);
    }
    if (directory && !watch(path)) scan_->walk.skip_children();
  }
  return true;
}

bool WatchTree::prepare(std::chrono::milliseconds slice) { return scan(Clock::now() + slice); }

bool WatchTree::step(std::chrono::milliseconds slice, bool settle, std::vector<Change>& changes) {
  auto until = Clock::now() + slice;
  changes_ = &changes;
  if (incomplete_ && !told_incomplete_)
    changes.push_back({Change::Kind::overflow, path_, {}, true, "watches"});
  told_incomplete_ = incomplete_;
  bool more = true;
  while (!ended_ && more && Clock::now() <= until) {
    if (!scan(until)) break;
    if (position_ == buffer_.size() && !read_events()) {
      more = false;
      break;
    }
    auto* event = reinterpret_cast<const inotify_event*>(buffer_.data() + position_);
    position_ += sizeof *event + event->len;
    handle(*event);
  }
  if (!more && settle) give_up_held();
  changes_ = nullptr;
  return more && !ended_;
}

// False when no event waits: then those of everything found so far have come as well.
bool WatchTree::read_events() {
  buffer_.resize(kBuffer);
  position_ = 0;
  modified_.clear();
  ssize_t n;
  do n = ::read(inotify_.get(), buffer_.data(), buffer_.size());
  while (n < 0 && errno == EINTR);
  buffer_.resize(n > 0 ? static_cast<size_t>(n) : 0);
  if (n <= 0) found_.clear();
  return n > 0;
}

bool WatchTree::ends_root(const inotify_event& event) const {
  if (event.wd == root_watch_) return event.mask & (IN_MOVE_SELF | IN_UNMOUNT | IN_IGNORED);
  return event.wd == parent_watch_ && event.len > 0 && event.name == root_name_;
}

// A single file that is watched was reported before its directory could be removed.
void WatchTree::end(bool moved) {
  give_up_held();
  if (only_.empty() || moved) report(Change::Kind::deleted, only_, only_.empty());
  ended_ = true;
}

void WatchTree::handle(const inotify_event& event) {
  if (event.mask & IN_Q_OVERFLOW) return start_anew();
  if (ends_root(event)) return end(event.mask & (IN_MOVE_SELF | IN_MOVED_FROM));
  auto directory = directories_.find(event.wd);
  if (directory == directories_.end()) return;
  if (event.mask & IN_IGNORED) {
    directories_.erase(directory);
    return;
  }
  if (event.len == 0) return;  // about the directory itself; its parent tells the same
  std::string_view name(event.name);
  if (!only_.empty() && name != only_) return;
  handle_entry(join(directory->second, name), event.mask, event.cookie);
}

void WatchTree::handle_entry(const std::string& path, uint32_t mask, uint32_t cookie) {
  bool directory = mask & IN_ISDIR;
  if (mask & IN_MOVED_TO) return moved_here(path, mask, cookie);
  if (held_ && held_->path == path) give_up_held();
  if (mask & IN_CREATE) {
    appeared(path, mask);
  } else if (mask & IN_MOVED_FROM) {
    give_up_held();
    found_.erase(path);
    held_ = HalfMove{cookie, path, directory};
  } else if (mask & IN_DELETE) {
    found_.erase(path);
    report(Change::Kind::deleted, path, directory);
  } else if (mask & IN_ATTRIB) {
    report(Change::Kind::attributes, path, directory);
  } else if ((mask & (IN_MODIFY | IN_CLOSE_WRITE)) && modified_.insert(path).second) {
    report(Change::Kind::modified, path, directory);
  }
}

void WatchTree::appeared(const std::string& path, uint32_t mask) {
  if (found_.erase(path) > 0) return;
  bool directory = mask & IN_ISDIR;
  report(Change::Kind::created, path, directory);
  if (directory && recursive_ && watch(path)) enter(path, false);
}

void WatchTree::moved_here(const std::string& path, uint32_t mask, uint32_t cookie) {
  if (!held_ || held_->cookie != cookie) {
    give_up_held();
    return appeared(path, mask);
  }
  HalfMove from = std::move(*held_);
  held_.reset();
  if (from.directory) rename_below(from.path, path);
  if (changes_)
    changes_->push_back({Change::Kind::moved, absolute(from.path), absolute(path), from.directory, {}});
}

// Its other half is not in the tree.
void WatchTree::give_up_held() {
  if (!held_) return;
  HalfMove from = std::move(*held_);
  held_.reset();
  if (from.directory) forget_below(from.path);
  report(Change::Kind::deleted, from.path, from.directory);
}

void WatchTree::start_anew() {
  give_up_held();
  if (changes_) changes_->push_back({Change::Kind::overflow, path_, {}, true, "queue"});
  for (const auto& [watch, path] : directories_) ::inotify_rm_watch(inotify_.get(), watch);
  directories_.clear();
  found_.clear();
  scan_.reset();
  add_root();
  if (recursive_) enter("", true);
}

void WatchTree::forget_below(const std::string& path) {
  std::erase_if(directories_, [&](const auto& item) {
    if (!is_below(item.second, path)) return false;
    ::inotify_rm_watch(inotify_.get(), item.first);
    return true;
  });
}

void WatchTree::rename_below(const std::string& from, const std::string& to) {
  for (auto& [watch, path] : directories_)
    if (is_below(path, from)) path = to + path.substr(from.size());
}

void WatchTree::report(Change::Kind kind, const std::string& path, bool directory) {
  if (changes_) changes_->push_back({kind, absolute(path), {}, directory, {}});
}

std::string WatchTree::absolute(const std::string& path) const {
  if (path.empty()) return path_;
  return path_ == "/" ? "/" + path : path_ + "/" + path;
}

}  // namespace osb::execd
