#include "execd/files/regular_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "execd/files/failure.h"
#include "sys/act_as.h"
#include "sys/path.h"

namespace osb::execd {

namespace {

// A thread may look into its own process, in whosever name it acts: /proc/self/maps and the like are the
// daemon's secrets, not the user's.
bool shows_own_process(int fd) {
  struct statfs system{};
  if (!sys::ActAs::active() || ::fstatfs(fd, &system) != 0 || system.f_type != PROC_SUPER_MAGIC) return false;
  char self[64], text[PATH_MAX];
  snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
  ssize_t n = ::readlink(self, text, sizeof text);
  std::string own = "/" + std::to_string(::getpid()) + "/";
  return n < 0 || std::string_view(text, static_cast<size_t>(n)).find(own) != std::string_view::npos;
}

}  // namespace

Fd open_regular(const std::string& path, struct stat& st) {
  Fd fd = sys::open_at(AT_FDCWD, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (!fd) {
    if (errno == ENXIO || errno == ENODEV) throw bad_file("reading " + path + ": it is not a regular file");
    throw file_error("reading", path, is_missing(errno) ? ENOENT : errno);
  }
  if (::fstat(fd.get(), &st) != 0) throw file_error("reading", path);
  if (S_ISDIR(st.st_mode)) throw bad_file("reading " + path + ": it is a directory");
  if (!S_ISREG(st.st_mode)) throw bad_file("reading " + path + ": it is not a regular file");
  if (shows_own_process(fd.get())) throw file_error("reading", path, EACCES);
  return fd;
}

size_t read_fully(int fd, std::span<char> into, uint64_t offset, const std::string& path) {
  size_t done = 0;
  while (done < into.size()) {
    ssize_t n = ::pread(fd, into.data() + done, into.size() - done, static_cast<off_t>(offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw file_error("reading", path);
    if (n == 0) break;
    done += static_cast<size_t>(n);
  }
  return done;
}

}  // namespace osb::execd
