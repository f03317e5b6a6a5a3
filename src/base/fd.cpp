#include "base/fd.h"

#include <fcntl.h>

#include "base/error.h"

namespace osb {

Fd non_blocking(Fd fd) {
  check(::fcntl(fd.get(), F_SETFL, O_NONBLOCK), "making a descriptor non-blocking");
  return fd;
}

Fd duplicate(int fd) { return Fd(check(::fcntl(fd, F_DUPFD_CLOEXEC, 0), "duplicating a descriptor")); }

Pipe make_pipe(int flags) {
  int fds[2];
  check(::pipe2(fds, O_CLOEXEC | flags), "creating a pipe");
  return {Fd(fds[0]), Fd(fds[1])};
}

}  // namespace osb
