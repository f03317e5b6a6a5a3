#include "execd/files/move.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/defer.h"
#include "base/log.h"
#include "execd/files/failure.h"
#include "execd/files/tree_copy.h"
#include "execd/files/tree_removal.h"
#include "sys/path.h"

namespace osb::execd {

namespace {

void remove_all(const sys::Place& place, const std::string& path) {
  Fd parent = sys::open_at(place.parent.get(), ".", O_PATH | O_DIRECTORY);
  if (!parent) throw file_error("removing", path);
  TreeRemoval removal({std::move(parent), place.name}, path);
  while (!removal.step(std::chrono::hours(1))) {}
}

// rename that never replaces; file systems without that flag are asked first.
bool rename_to_free_name(const sys::Place& from, const sys::Place& to) {
  int a = from.parent.get(), b = to.parent.get();
  if (::renameat2(a, from.name.c_str(), b, to.name.c_str(), RENAME_NOREPLACE) == 0) return true;
  if (errno != EINVAL && errno != ENOSYS) return false;
  struct stat st{};
  if (::fstatat(b, to.name.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0) {
    errno = EEXIST;
    return false;
  }
  return ::renameat(a, from.name.c_str(), b, to.name.c_str()) == 0;
}

void move_by_copy(const sys::Place& from, const std::string& from_path, const sys::Place& to,
                  const std::string& to_path) {
  struct stat st{};
  if (::fstatat(to.parent.get(), to.name.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0)
    throw file_error("moving to", to_path, EEXIST);
  Fd parent = sys::open_at(to.parent.get(), ".", O_PATH | O_DIRECTORY);
  if (!parent) throw file_error("moving to", to_path);
  sys::Place hidden{std::move(parent), sys::hidden_sibling(to.name)};
  Defer clean_up([&] {
    try {
      remove_all(hidden, to_path);
    } catch (const Error& e) {
      log_warn("a partial copy is left behind", {{"path", to_path}, {"error", e.message()}});
    }
  });
  copy_tree(from, hidden, from_path);
  if (!rename_to_free_name(hidden, to)) throw file_error("moving to", to_path);
  clean_up.dismiss();
  remove_all(from, from_path);
}

}  // namespace

void move_path(const std::string& from_path, const std::string& to_path) {
  std::optional<sys::Place> from = sys::locate(from_path);
  struct stat st{};
  if (!from || ::fstatat(from->parent.get(), from->name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0)
    throw file_error("moving", from_path, is_missing(errno) ? ENOENT : errno);
  if (from->name == ".") throw bad_file("moving " + from_path + ": the root stays");
  if (from_path == to_path || to_path == "/") throw file_error("moving to", to_path, EEXIST);

  std::optional<sys::Place> to = sys::locate(to_path);
  if (!to && errno == ENOENT) {
    size_t slash = to_path.rfind('/');
    if (!sys::make_directories(to_path.substr(0, slash), 0755))
      throw file_error("making the parents of", to_path);
    to = sys::locate(to_path);
  }
  if (!to) throw file_error("moving to", to_path, errno == ENOENT ? ENOTDIR : errno);
  if (rename_to_free_name(*from, *to)) return;
  if (errno == EXDEV) return move_by_copy(*from, from_path, *to, to_path);
  if (errno == ENOENT) throw file_error("moving", from_path);
  throw file_error("moving to", to_path);
}

}  // namespace osb::execd
