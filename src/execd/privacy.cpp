#include "execd/privacy.h"

#include <sys/prctl.h>
#include <sys/resource.h>

namespace osb::execd {

void close_own_process() {
  ::prctl(PR_SET_NAME, "execd");
  ::prctl(PR_SET_DUMPABLE, 0);
}

uint64_t raise_open_file_limit() {
  rlimit limit;
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  uint64_t before = limit.rlim_cur;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  return before;
}

}  // namespace osb::execd
