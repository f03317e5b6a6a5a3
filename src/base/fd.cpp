#include "base/fd.h"

#include <fcntl.h>

#include "base/error.h"

namespace osb {

Pipe make_pipe(int flags) {
  int fds[2];
  check(::pipe2(fds, O_CLOEXEC | flags), "creating a pipe");
  return {Fd(fds[0]), Fd(fds[1])};
}

}  // namespace osb
