#include "sys/tree.h"

#include <dirent.h>
#include <errno.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <algorithm>
#include <memory>

#include "base/defer.h"
#include "base/error.h"
#include "base/ids.h"

namespace osb::sys {

namespace {

constexpr int kMaxDepth = 64;  // descriptors held at once while removing

Fd open_resolved(int dir, const std::string& path, int flags, mode_t mode, uint64_t resolve) {
  open_how how{};
  how.flags = static_cast<uint64_t>(flags) | O_CLOEXEC | O_NOFOLLOW;
  how.mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? mode : 0;
  how.resolve = resolve;
  long fd;
  // EAGAIN: a rename ran beside the walk and the kernel could not tell whether we left the directory.
  do fd = ::syscall(SYS_openat2, dir, path.c_str(), &how, sizeof how);
  while (fd < 0 && (errno == EINTR || errno == EAGAIN));
  return Fd(static_cast<int>(fd));
}

// Empties `dir`. What lies deeper than kMaxDepth is moved up to `top` under a fresh name and removed from
// there.
void empty_directory(int dir, int top, int depth) {
  for (const std::string& name : list_directory(dir)) {
    if (::unlinkat(dir, name.c_str(), 0) == 0 || errno == ENOENT) continue;
    if (errno != EISDIR && errno != EPERM) throw system_error("removing " + name);
    if (depth == kMaxDepth) {
      check(::renameat(dir, name.c_str(), top, (".deep-" + new_hex_id()).c_str()), "moving up " + name);
      continue;
    }
    {
      Fd child = open_resolved(dir, name, O_RDONLY | O_DIRECTORY, 0,
                               RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
      if (!child) throw system_error("opening " + name + " to remove it");
      empty_directory(child.get(), top, depth + 1);
    }
    check(::unlinkat(dir, name.c_str(), AT_REMOVEDIR), "removing directory " + name);
  }
}

}  // namespace

Fd try_open_beneath(int dir, const std::string& path, int flags, mode_t mode) {
  return open_resolved(dir, path, flags, mode, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
}

Fd open_beneath(int dir, const std::string& path, int flags, mode_t mode) {
  Fd fd = try_open_beneath(dir, path, flags, mode);
  if (!fd) throw system_error("opening " + path);
  return fd;
}

Fd make_directories(int dir, const std::string& path, mode_t mode) {
  Fd current = open_beneath(dir, ".", O_RDONLY | O_DIRECTORY);
  for (size_t start = 0; start < path.size();) {
    size_t end = std::min(path.find('/', start), path.size());
    std::string name = path.substr(start, end - start);
    start = end + 1;
    if (name.empty() || name == ".") continue;
    if (::mkdirat(current.get(), name.c_str(), mode) != 0 && errno != EEXIST)
      throw system_error("creating directory " + path);
    current = open_beneath(current.get(), name, O_RDONLY | O_DIRECTORY);
  }
  return current;
}

bool spread_subdirectories(int dir) {
  int flags = 0;
  if (::ioctl(dir, FS_IOC_GETFLAGS, &flags) != 0) return false;
  flags |= FS_TOPDIR_FL;
  return ::ioctl(dir, FS_IOC_SETFLAGS, &flags) == 0;
}

std::vector<std::string> list_directory(int dir) {
  Fd copy = open_beneath(dir, ".", O_RDONLY | O_DIRECTORY);
  std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(copy.get()), &::closedir);
  if (!stream) throw system_error("listing a directory");
  copy.release();
  std::vector<std::string> names;
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(stream.get());
    if (!entry) break;
    if (::strcmp(entry->d_name, ".") != 0 && ::strcmp(entry->d_name, "..") != 0)
      names.emplace_back(entry->d_name);
  }
  if (errno != 0) throw system_error("listing a directory");
  std::ranges::sort(names);
  return names;
}

void remove_tree(int dir, const std::string& name) {
  if (::unlinkat(dir, name.c_str(), 0) == 0 || errno == ENOENT) return;
  if (errno != EISDIR && errno != EPERM) throw system_error("removing " + name);
  {
    Fd top = open_resolved(dir, name, O_RDONLY | O_DIRECTORY, 0,
                           RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
    if (!top && errno == ENOENT) return;
    if (!top) throw system_error("opening " + name + " to remove it");
    while (!list_directory(top.get()).empty()) empty_directory(top.get(), top.get(), 0);
  }
  check(::unlinkat(dir, name.c_str(), AT_REMOVEDIR), "removing directory " + name);
}

std::string read_file(int dir, const std::string& path, size_t max) {
  Fd file = open_beneath(dir, path, O_RDONLY | O_NONBLOCK);
  std::string bytes;
  for (char buffer[16 * 1024];;) {
    ssize_t n = ::read(file.get(), buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    check(n, "reading " + path);
    if (n == 0) return bytes;
    if (bytes.size() + static_cast<size_t>(n) > max)
      throw Error(ErrorCode::too_large,
                  "reading " + path + ": larger than " + std::to_string(max) + " bytes");
    bytes.append(buffer, static_cast<size_t>(n));
  }
}

void write_all(int fd, std::string_view bytes, std::string_view doing) {
  while (!bytes.empty()) {
    ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    check(n, doing);
    bytes.remove_prefix(static_cast<size_t>(n));
  }
}

void write_new_file(int dir, const std::string& path, std::string_view bytes, mode_t mode) {
  Fd file = open_beneath(dir, path, O_WRONLY | O_CREAT | O_EXCL, mode);
  write_all(file.get(), bytes, "writing " + path);
  check(::fchmod(file.get(), mode), "setting the mode of " + path);  // whatever the umask is
}

void replace_file(int dir, const std::string& name, std::string_view bytes, mode_t mode) {
  std::string fresh = "." + name + "." + new_hex_id();
  Defer clean([&] { ::unlinkat(dir, fresh.c_str(), 0); });
  write_new_file(dir, fresh, bytes, mode);
  check(::renameat(dir, fresh.c_str(), dir, name.c_str()), "putting " + name + " in place");
  clean.dismiss();
}

bool lock_file(int fd, Lock kind, bool wait) {
  int operation = (kind == Lock::shared ? LOCK_SH : LOCK_EX) | (wait ? 0 : LOCK_NB);
  while (::flock(fd, operation) != 0) {
    if (errno == EINTR) continue;
    if (errno == EWOULDBLOCK) return false;
    throw system_error("locking a file");
  }
  return true;
}

}  // namespace osb::sys
