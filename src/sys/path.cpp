#include "sys/path.h"

#include <errno.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/fsuid.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <vector>

#include "base/ids.h"

namespace osb::sys {

namespace {

constexpr int kMaxLinks = 40;

// Calls that this kernel, or a filter in front of it, does not know are asked for once.
std::atomic<bool> no_openat2{false};
std::atomic<bool> no_fchmodat2{false};

bool missing_call(int err) { return err == ENOSYS || err == EPERM; }

std::vector<std::string_view> parts_of(std::string_view path) {
  std::vector<std::string_view> parts;
  while (!path.empty()) {
    size_t end = std::min(path.find('/'), path.size());
    if (end > 0) parts.push_back(path.substr(0, end));
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return parts;
}

// Text of a symbolic link; nullopt with errno EINVAL if it is none.
std::optional<std::string> link_text(int dir, const std::string& name) {
  std::string text(4096, '\0');
  ssize_t n = ::readlinkat(dir, name.c_str(), text.data(), text.size());
  if (n < 0) return std::nullopt;
  text.resize(static_cast<size_t>(n));
  return text;
}

// What the kernel does with fs.protected_symlinks, whether that is set or not: in a directory where everybody
// may plant links, only those of the caller and of the directory's owner are followed.
bool may_follow(const Place& link) {
  struct stat dir{}, st{};
  if (::fstat(link.parent.get(), &dir) != 0) return false;
  if ((dir.st_mode & (S_ISVTX | S_IWOTH)) != (S_ISVTX | S_IWOTH)) return true;
  if (::fstatat(link.parent.get(), link.name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0) return false;
  if (st.st_uid == static_cast<uid_t>(::setfsuid(static_cast<uid_t>(-1))) || st.st_uid == dir.st_uid)
    return true;
  errno = EACCES;
  return false;
}

std::optional<Place> locate_from(int dir, const std::string& path) {
  size_t end = path.find_last_not_of('/');
  if (end == std::string::npos) {  // the root itself
    Fd root = open_at(AT_FDCWD, "/", O_PATH | O_DIRECTORY);
    if (!root) return std::nullopt;
    return Place{std::move(root), "."};
  }
  size_t slash = path.rfind('/', end);
  std::string parent = slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
  size_t begin = slash == std::string::npos ? 0 : slash + 1;
  Fd fd = open_at(dir, parent, O_PATH | O_DIRECTORY);
  if (!fd) return std::nullopt;
  return Place{std::move(fd), path.substr(begin, end + 1 - begin)};
}

}  // namespace

std::string clean_path(std::string_view path) {
  bool absolute = path.starts_with('/');
  std::vector<std::string_view> kept;
  for (std::string_view part : parts_of(path)) {
    if (part == ".") continue;
    if (part != "..") {
      kept.push_back(part);
    } else if (!kept.empty() && kept.back() != "..") {
      kept.pop_back();
    } else if (!absolute) {
      kept.push_back(part);
    }
  }
  std::string out = absolute ? "/" : "";
  for (std::string_view part : kept) {
    if (!out.empty() && out.back() != '/') out += '/';
    out += part;
  }
  return out.empty() ? "." : out;
}

std::string_view base_name(std::string_view path) {
  size_t end = path.find_last_not_of('/');
  if (end == std::string_view::npos) return "/";
  path = path.substr(0, end + 1);
  size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

Fd open_at(int dir, const std::string& path, int flags, mode_t mode, uint64_t resolve) {
  if (path.find('\0') != std::string::npos) {
    errno = EINVAL;
    return Fd();
  }
  flags |= O_CLOEXEC;
  if (!no_openat2) {
    open_how how{};
    how.flags = static_cast<uint64_t>(static_cast<unsigned>(flags));
    how.mode = flags & (O_CREAT | __O_TMPFILE) ? mode & 07777 : 0;
    how.resolve = RESOLVE_NO_MAGICLINKS | resolve;
    long fd;
    int tries =
        0;  // EAGAIN: a rename got in the way of RESOLVE_BENEATH (or, for good, a lease is on the file)
    do fd = ::syscall(SYS_openat2, dir, path.c_str(), &how, sizeof how);
    while (fd < 0 && (errno == EINTR || (errno == EAGAIN && ++tries < 32)));
    if (fd >= 0) return Fd(static_cast<int>(fd));
    // EPERM may also come from the file itself (append-only, sealed): then openat says the same again.
    if (!missing_call(errno)) return Fd();
    if (errno == ENOSYS) no_openat2 = true;
  }
  int fd;
  do fd = ::openat(dir, path.c_str(), flags, mode);
  while (fd < 0 && errno == EINTR);
  return Fd(fd);
}

std::optional<Place> locate(const std::string& path) { return locate_from(AT_FDCWD, path); }

std::optional<Place> locate_target(const std::string& path) {
  std::optional<Place> place = locate(path);
  for (int links = 0; place; ++links) {
    std::optional<std::string> text = link_text(place->parent.get(), place->name);
    if (!text) {
      if (errno != EINVAL && errno != ENOENT) return std::nullopt;
      place->vacant = errno == ENOENT;
      return place;
    }
    if (links == kMaxLinks || text->empty()) {
      errno = ELOOP;
      return std::nullopt;
    }
    if (!may_follow(*place)) return std::nullopt;
    // The text of a magic link says where it leads only by accident; the kernel tells it from an ordinary
    // one.
    if (!open_at(place->parent.get(), place->name, O_PATH) && errno != ENOENT) return std::nullopt;
    place = locate_from(place->parent.get(), *text);
    if (place && place->name == "..") {  // a link to a directory above: name it by itself
      Fd up = open_at(place->parent.get(), "..", O_PATH | O_DIRECTORY);
      if (!up) return std::nullopt;
      place->parent = std::move(up);
      place->name = ".";
    }
  }
  return std::nullopt;
}

Fd make_directories(const std::string& path, mode_t mode, bool* made) {
  if (made) *made = false;
  Fd there = open_at(AT_FDCWD, path, O_PATH | O_DIRECTORY);
  if (there || errno != ENOENT) return there;

  Fd at = open_at(AT_FDCWD, path.starts_with('/') ? "/" : ".", O_PATH | O_DIRECTORY);
  for (std::string_view part : parts_of(path)) {
    if (!at) return at;
    std::string name(part);
    if (made) *made = false;
    Fd next = open_at(at.get(), name, O_PATH | O_DIRECTORY);
    if (!next && errno == ENOENT) {
      if (::mkdirat(at.get(), name.c_str(), mode) == 0) {
        if (made) *made = true;
      } else if (errno != EEXIST) {
        return Fd();
      }
      next = open_at(at.get(), name, O_PATH | O_DIRECTORY);
    }
    at = std::move(next);
  }
  return at;
}

int change_mode(int fd, mode_t mode) {
  constexpr long kFchmodat2 = 452;  // newer than the headers of Debian 12
  if (!no_fchmodat2) {
    if (::syscall(kFchmodat2, fd, "", mode, AT_EMPTY_PATH) == 0) return 0;
    if (errno == ENOSYS) no_fchmodat2 = true;
    if (!missing_call(errno)) return -1;
  }
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  return ::chmod(path, mode);
}

bool is_mount_point(int dir, const char* name) {
  struct statx st{};
  if (::statx(dir, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_TYPE, &st) != 0) return false;
  return (st.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) && (st.stx_attributes & STATX_ATTR_MOUNT_ROOT);
}

std::string hidden_sibling(std::string_view name) {
  return "." + std::string(name.substr(0, 240)) + "." + new_hex_id().substr(0, 8);
}

}  // namespace osb::sys
