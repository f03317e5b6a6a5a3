#include "launcher/privileges.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error.h"

namespace osb::launcher {

namespace {

constexpr int kHighestCapability = 63;

void set_capabilities(uint64_t permitted, uint64_t effective) {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  __user_cap_data_struct data[2]{};
  for (int word : {0, 1}) {
    data[word].permitted = static_cast<uint32_t>(permitted >> (32 * word));
    data[word].effective = static_cast<uint32_t>(effective >> (32 * word));
  }
  check(::syscall(SYS_capset, &header, data), "giving up capabilities");
}

uint64_t permitted_capabilities() {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  __user_cap_data_struct data[2]{};
  check(::syscall(SYS_capget, &header, data), "reading capabilities");
  return data[0].permitted | (static_cast<uint64_t>(data[1].permitted) << 32);
}

void empty_bounding_set() {
  for (int capability = 0; capability <= kHighestCapability; ++capability)
    if (::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0 && errno != EINVAL && errno != EPERM)
      throw system_error("giving up capabilities");
}

void verify(uint32_t uid) {
  uid_t real, effective, saved;
  gid_t rgid, egid, sgid;
  ::getresuid(&real, &effective, &saved);
  ::getresgid(&rgid, &egid, &sgid);
  bool ids = real == uid && effective == uid && saved == uid && rgid == uid && egid == uid && sgid == uid;
  bool back = ::setresuid(-1, 0, -1) == 0 || ::setresgid(-1, 0, -1) == 0;
  bool bare = permitted_capabilities() == 0 && ::getgroups(0, nullptr) == 0 &&
              ::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 && ::prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0;
  if (!ids || back || !bare) throw Error(ErrorCode::internal, "giving up root: something of it is left");
}

}  // namespace

void lower_privileges(uint32_t uid) {
  check(::setgroups(0, nullptr), "giving up groups");
  check(::setresgid(uid, uid, uid), "changing the group");
  // With 0 as saved uid the permitted set survives; the effective one is cleared by the kernel.
  check(::setresuid(uid, uid, 0), "changing the user");
  uint64_t kept = (uint64_t{1} << CAP_NET_BIND_SERVICE) | (uint64_t{1} << CAP_DAC_READ_SEARCH);
  set_capabilities(permitted_capabilities(), permitted_capabilities() & kept);
}

void drop_privileges(uint32_t uid) {
  if (uid == 0) throw Error(ErrorCode::internal, "giving up root: no user to become");
  // The full set once more: the steps below need SETUID, SETGID and SETPCAP.
  set_capabilities(permitted_capabilities(), permitted_capabilities());
  empty_bounding_set();
  check(::setgroups(0, nullptr), "giving up groups");
  check(::setresgid(uid, uid, uid), "changing the group");
  check(::setresuid(uid, uid, uid), "changing the user");
  check(::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0), "giving up capabilities");
  set_capabilities(0, 0);
  check(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "setting no_new_privs");
  check(::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0), "forbidding core dumps");
  verify(uid);
}

}  // namespace osb::launcher
