#include "sys/act_as.h"

#include <errno.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <string>

#include "base/error.h"
#include "base/log.h"

namespace osb::sys {

namespace {

thread_local bool acting = false;

// These calls only tell the id before; -1 changes nothing.
uid_t file_uid() { return static_cast<uid_t>(::setfsuid(static_cast<uid_t>(-1))); }
gid_t file_gid() { return static_cast<gid_t>(::setfsgid(static_cast<gid_t>(-1))); }

bool set_file_uid(uid_t uid) {
  ::setfsuid(uid);
  return file_uid() == uid;
}

bool set_file_gid(gid_t gid) {
  ::setfsgid(gid);
  return file_gid() == gid;
}

std::vector<gid_t> groups_of_thread() {
  std::vector<gid_t> groups(static_cast<size_t>(check(::getgroups(0, nullptr), "reading the groups")));
  int count = check(::getgroups(static_cast<int>(groups.size()), groups.data()), "reading the groups");
  groups.resize(static_cast<size_t>(count));
  return groups;
}

bool set_groups(const std::vector<gid_t>& groups) {
  return ::syscall(SYS_setgroups, groups.size(), groups.data()) == 0;
}

bool get_capabilities(__user_cap_data_struct (&data)[2]) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  return ::syscall(SYS_capget, &header, data) == 0;
}

uint64_t effective_capabilities() {
  __user_cap_data_struct data[2];
  check(get_capabilities(data) ? 0 : -1, "reading the capabilities");
  return data[0].effective | static_cast<uint64_t>(data[1].effective) << 32;
}

bool set_effective_capabilities(uint64_t set) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2];
  if (!get_capabilities(data)) return false;
  data[0].effective = static_cast<uint32_t>(set);
  data[1].effective = static_cast<uint32_t>(set >> 32);
  return ::syscall(SYS_capset, &header, data) == 0;
}

// Set once by whoever comes first: threads that act at the same time see each other's changes.
void keep_dumpable() {
  static const int before = ::prctl(PR_GET_DUMPABLE);
  if (::prctl(PR_GET_DUMPABLE) != before) ::prctl(PR_SET_DUMPABLE, before);
}

}  // namespace

bool ActAs::active() { return acting; }

ActAs::ActAs(const FileIdentity& who)
    : groups_(groups_of_thread()), uid_(file_uid()), gid_(file_gid()), effective_(effective_capabilities()) {
  const std::string doing = "acting as user " + std::to_string(who.uid);
  if (acting || ::syscall(SYS_gettid) == ::getpid())
    throw Error(ErrorCode::unavailable, doing + ": no helper thread is free for it");
  if (who.uid == static_cast<uid_t>(-1) || who.gid == static_cast<gid_t>(-1))
    throw Error(ErrorCode::unsupported, doing + ": 4294967295 is no user or group");
  keep_dumpable();
  const char* failed = enter(who);
  acting = true;
  if (!failed) {
    keep_dumpable();
    return;
  }
  int err = errno;
  if (!leave()) ::abort();
  throw Error(ErrorCode::unsupported,
              doing + ": " + failed + " was refused (" + ::strerrorname_np(err) + ")");
}

// What failed, or null. Groups first, which take a capability; the capabilities last.
const char* ActAs::enter(const FileIdentity& who) {
  errno = EPERM;  // setfsuid and setfsgid give no reason
  if (!set_groups(who.groups)) return "setgroups";
  if (!set_file_gid(who.gid)) return "setfsgid";
  if (!set_file_uid(who.uid)) return "setfsuid";
  if (who.uid != 0 && !set_effective_capabilities(0)) return "capset";
  return nullptr;
}

// The other way round. Memory may be short for a moment, so it is tried again.
bool ActAs::leave() noexcept {
  for (int tries = 0; tries < 1000; ++tries) {
    if (set_file_uid(uid_) && set_effective_capabilities(effective_) && set_file_gid(gid_) &&
        set_groups(groups_)) {
      keep_dumpable();
      acting = false;
      return true;
    }
    if (errno != ENOMEM) break;
    ::sched_yield();
  }
  return false;
}

ActAs::~ActAs() {
  if (leave()) return;
  log_error("a thread cannot get its own identity back", {{"errno", errno}});
  ::abort();
}

}  // namespace osb::sys
