// File system calls in the name of another user, by one thread of a privileged process. The kernel does every
// check: ownership, modes, access lists, sticky directories, quotas.
//
// Only the ids for file systems (fsuid, fsgid), the supplementary groups and the effective capabilities
// change, and only those of the calling thread: the calls are the raw ones, since those of the C library
// change all threads. The real, effective and saved ids stay root's on purpose. What the kernel asks before a
// signal, ptrace, setpriority or a look into /proc/PID are just these, so the user whose name is borrowed can
// neither kill, stop nor trace the thread, and through it the process. (With setresuid he could: a tgkill of
// SIGKILL to that one thread ends all of them.) A change of credentials makes the kernel reset two things,
// which are put right: whether the process may be dumped and traced (shared by all threads), and the signal
// for the parent's death (so the main thread, which has one, may not act as somebody else).
//
// Not covered: a FUSE mount of the user's own is closed to him here, since FUSE looks at the real ids; and
// what /proc shows to any thread of the process about itself (maps, fd), callers must refuse on their own.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <vector>

namespace osb::sys {

struct FileIdentity {
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;  // supplementary
};

// While it lives, the calling thread acts as `who`: without any capability, unless `who` is uid 0. Objects do
// not nest and live on the stack of the thread that made them; a thread started meanwhile would inherit the
// identity for good. It ends the process if the thread's own identity does not come back.
class ActAs {
 public:
  // Throws Error(unsupported) if this process may not change identities or an id does not exist here
  // (4294967295 never does), Error(unavailable) on the main thread. Then nothing has changed.
  explicit ActAs(const FileIdentity& who);
  ~ActAs();
  ActAs(const ActAs&) = delete;

  // Does the calling thread act as somebody right now?
  static bool active();

 private:
  const char* enter(const FileIdentity& who);
  bool leave() noexcept;

  std::vector<gid_t> groups_;  // what the thread had before
  uid_t uid_;
  gid_t gid_;
  uint64_t effective_;
};

}  // namespace osb::sys
