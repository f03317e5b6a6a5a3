#include "execd/files/regular_file.h"

#include <errno.h>
#include <fcntl.h>

#include "execd/files/failure.h"
#include "sys/path.h"

namespace osb::execd {

Fd open_regular(const std::string& path, struct stat& st) {
  Fd fd = sys::open_at(AT_FDCWD, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (!fd) {
    if (errno == ENXIO || errno == ENODEV) throw bad_file("reading " + path + ": it is not a regular file");
    throw file_error("reading", path, is_missing(errno) ? ENOENT : errno);
  }
  if (::fstat(fd.get(), &st) != 0) throw file_error("reading", path);
  if (S_ISDIR(st.st_mode)) throw bad_file("reading " + path + ": it is a directory");
  if (!S_ISREG(st.st_mode)) throw bad_file("reading " + path + ": it is not a regular file");
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
