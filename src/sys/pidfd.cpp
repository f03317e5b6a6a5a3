#include "sys/pidfd.h"

#include <errno.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

namespace osb::sys {

pid_t clone_process(uint64_t flags, int cgroup, Fd& pidfd) {
  int fd = -1;
  clone_args args{};
  args.flags = flags | CLONE_PIDFD;
  args.pidfd = reinterpret_cast<uint64_t>(&fd);
  args.exit_signal = SIGCHLD;
  if (cgroup >= 0) {
    args.flags |= CLONE_INTO_CGROUP;
    args.cgroup = static_cast<uint64_t>(cgroup);
  }
  long pid = ::syscall(SYS_clone3, &args, sizeof args);
  if (pid < 0) throw system_error("starting a process in new namespaces");
  if (pid > 0) pidfd.reset(fd);
  return static_cast<pid_t>(pid);
}

bool send_signal(const Fd& pidfd, int signal) {
  return ::syscall(SYS_pidfd_send_signal, pidfd.get(), signal, nullptr, 0) == 0 || errno == ESRCH;
}

std::optional<int> try_reap(const Fd& pidfd) {
  siginfo_t info{};
  if (::waitid(static_cast<idtype_t>(P_PIDFD), static_cast<id_t>(pidfd.get()), &info, WEXITED | WNOHANG) != 0)
    return errno == EINTR ? std::nullopt : std::optional(0);
  if (info.si_pid == 0) return std::nullopt;
  return info.si_code == CLD_EXITED ? info.si_status << 8
                                    : info.si_status | (info.si_code == CLD_DUMPED ? 0x80 : 0);
}

}  // namespace osb::sys
