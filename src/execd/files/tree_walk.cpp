#include "execd/files/tree_walk.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <linux/openat2.h>
#include <string.h>

#include <algorithm>
#include <memory>

#include "base/error.h"
#include "sys/path.h"

namespace osb::execd {

namespace {

struct CloseDir {
  void operator()(DIR* dir) const { ::closedir(dir); }
};

}  // namespace

TreeWalk::TreeWalk(Fd root, uint32_t depth, bool strict)
    : root_(std::move(root)), depth_(depth), strict_(strict), descend_(depth > 0) {}

// Reads the directory path_ into a new level. One that cannot be read becomes an empty level, or an error.
void TreeWalk::enter() {
  Level& level = levels_.emplace_back();
  level.path_size = path_.size();
  if (path_.size() >= PATH_MAX) {
    if (strict_) throw system_error("reading a directory", ENAMETOOLONG);
    return;
  }
  here_ = sys::open_at(root_.get(), path_.empty() ? "." : path_, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0,
                       RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
  Fd reading = here_ ? sys::open_at(here_.get(), ".", O_RDONLY | O_DIRECTORY) : Fd();
  std::unique_ptr<DIR, CloseDir> dir(reading ? ::fdopendir(reading.get()) : nullptr);
  if (!dir && strict_) throw system_error("reading a directory");
  if (!dir) return;
  reading.release();
  while (const dirent* entry = ::readdir(dir.get())) {
    const char* name = entry->d_name;
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0) continue;
    if (++names_ > kMaxNames || level.text.size() > UINT32_MAX - 512)
      throw Error(ErrorCode::internal, "reading a directory: more than 1048576 entries at once",
                  "RUNTIME_ERROR");
    level.starts.push_back(static_cast<uint32_t>(level.text.size()));
    level.text.append(name, strlen(name) + 1);
  }
  const char* text = level.text.c_str();
  std::sort(level.starts.begin(), level.starts.end(),
            [text](uint32_t a, uint32_t b) { return strcmp(text + a, text + b) < 0; });
}

bool TreeWalk::reopen() {
  path_.resize(levels_.back().path_size);
  here_ = sys::open_at(root_.get(), path_.empty() ? "." : path_, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0,
                       RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
  return static_cast<bool>(here_);
}

bool TreeWalk::next(Entry& entry) {
  if (descend_) {
    descend_ = false;
    enter();
  }
  while (!levels_.empty()) {
    Level& level = levels_.back();
    bool usable = here_ || (level.next < level.starts.size() && reopen());
    if (!usable || level.next == level.starts.size()) {
      names_ -= level.starts.size();
      levels_.pop_back();
      here_.reset();
      continue;
    }
    const char* name = level.name(level.next++);
    struct stat st{};
    if (::fstatat(here_.get(), name, &st, AT_SYMLINK_NOFOLLOW) != 0) continue;
    path_.resize(level.path_size);
    if (!path_.empty()) path_ += '/';
    size_t name_at = path_.size();
    path_ += name;
    descend_ = S_ISDIR(st.st_mode) && levels_.size() < depth_;
    entry.path = path_;
    entry.name = std::string_view(path_).substr(name_at);
    entry.st = st;
    return true;
  }
  return false;
}

}  // namespace osb::execd
