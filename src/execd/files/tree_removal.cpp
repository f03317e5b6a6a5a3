#include "execd/files/tree_removal.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "execd/files/failure.h"

namespace osb::execd {

namespace {

constexpr size_t kOpenLevels = 32;
constexpr int kMaxTries = 16;  // of emptying one directory that somebody fills at the same time

}  // namespace

TreeRemoval::TreeRemoval(sys::Place place, std::string path)
    : place_(std::move(place)), path_(std::move(path)) {
  if (place_.name == ".") throw bad_file("removing " + path_ + ": the root stays");
  if (sys::is_mount_point(place_.parent.get(), place_.name.c_str()))
    throw bad_file("removing " + path_ + ": it is a mount point");
}

bool TreeRemoval::step(std::chrono::milliseconds slice) {
  auto until = std::chrono::steady_clock::now() + slice;
  if (!begun_) remove(place_.parent.get(), place_.name, 0);
  begun_ = true;
  for (int n = 1; !levels_.empty(); ++n) {
    DIR* dir = levels_.back().dir.get();
    const dirent* entry = ::readdir(dir);
    if (!entry)
      leave();
    else if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
      remove(::dirfd(dir), entry->d_name, 0);
    if (n % 64 == 0 && std::chrono::steady_clock::now() > until) return levels_.empty();
  }
  return true;
}

// Removes one entry, or enters it if it is a directory that is not empty.
void TreeRemoval::remove(int parent, const std::string& name, int tries) {
  if (::unlinkat(parent, name.c_str(), 0) == 0 || errno == ENOENT) return;
  int err = errno;
  struct stat st{};
  bool directory = ::fstatat(parent, name.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
  if (!directory) throw file_error("removing", path_, err);
  if (::unlinkat(parent, name.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT) return;
  if (errno != ENOTEMPTY && errno != EEXIST) throw file_error("removing", path_);
  if (tries == kMaxTries) throw file_error("removing", path_, ENOTEMPTY);
  enter(parent, name, tries);
}

void TreeRemoval::enter(int parent, const std::string& name, int tries) {
  if (sys::is_mount_point(parent, name.c_str()))
    throw bad_file("removing " + path_ + ": a mount point is inside (" + name + ")");
  Fd fd = sys::open_at(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK);
  if (!fd && (errno == ENOENT || errno == ENOTDIR)) return;  // replaced meanwhile; the next look tells
  struct stat st{};
  if (!fd || ::fstat(fd.get(), &st) != 0) throw file_error("removing", path_);
  Level level{name, nullptr, st.st_dev, st.st_ino, tries};
  level.dir.reset(::fdopendir(fd.get()));
  if (!level.dir) throw file_error("removing", path_);
  fd.release();
  if (levels_.size() > kOpenLevels) levels_.back().dir.reset();
  levels_.push_back(std::move(level));
}

// The last level is empty: removes it from the one above.
void TreeRemoval::leave() {
  Level done = std::move(levels_.back());
  levels_.pop_back();
  if (levels_.empty()) return remove(place_.parent.get(), done.name, done.tries + 1);
  Level& above = levels_.back();
  if (!above.dir) {
    Fd up = sys::open_at(::dirfd(done.dir.get()), "..", O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    struct stat st{};
    if (!up || ::fstat(up.get(), &st) != 0) throw file_error("removing", path_);
    if (st.st_dev != above.dev || st.st_ino != above.ino)
      throw Error(ErrorCode::conflict, "removing " + path_ + ": it was moved meanwhile", "RUNTIME_ERROR");
    above.dir.reset(::fdopendir(up.get()));
    if (!above.dir) throw file_error("removing", path_);
    up.release();
  }
  done.dir.reset();
  remove(::dirfd(above.dir.get()), done.name, done.tries + 1);
}

}  // namespace osb::execd
