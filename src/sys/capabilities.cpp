#include "sys/capabilities.h"

#include <errno.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace osb::sys {

int limit_capabilities(CapabilitySet keep) noexcept {
  // Past the last one that this kernel knows, PR_CAPBSET_READ fails with EINVAL.
  for (int number = 0; number < 64; number++) {
    int held = ::prctl(PR_CAPBSET_READ, number, 0, 0, 0);
    if (held < 0) break;
    if (held == 1 && !(keep >> number & 1) && ::prctl(PR_CAPBSET_DROP, number, 0, 0, 0) != 0) return errno;
  }
  if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0) return errno;

  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2];
  if (::syscall(SYS_capget, &header, data) != 0) return errno;
  for (int half = 0; half < 2; half++) {
    uint32_t wanted = static_cast<uint32_t>(keep >> (32 * half));
    data[half].permitted &= wanted;
    data[half].effective = data[half].permitted;
    data[half].inheritable = 0;
  }
  if (::syscall(SYS_capset, &header, data) != 0) return errno;
  return 0;
}

}  // namespace osb::sys
