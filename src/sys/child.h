// Starting a program: everything is prepared before fork in plain memory; the code between fork and exec
// lives in child.cpp and nowhere else, and calls only async-signal-safe functions. Failures in the child come
// back as errors of start_child(), so a missing program is known at once.
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/fd.h"

namespace osb::sys {

struct ChildSpec {
  // Absolute or relative path of the program, or a bare name that is searched in the PATH of `env`.
  std::string program;
  std::vector<std::string> argv;  // argv[0] included
  std::vector<std::string> env;   // "NAME=value"
  std::string cwd;                // empty: inherited
  // What the child sees as descriptors: pairs (child fd, our fd). 0, 1 and 2 are /dev/null if not named;
  // everything else is closed in the child.
  std::vector<std::pair<int, int>> fds;
  std::optional<uint32_t>
      uid;  // setresuid; with it gid (default: uid's primary group must be given by the caller)
  std::optional<uint32_t> gid;
  std::vector<uint32_t> groups;  // supplementary; used when uid or gid is set
  bool new_group = true;         // own process group (setpgid)
  bool new_session = false;      // setsid instead
  bool own_terminal = false;     // descriptor 0 becomes the terminal of that session (needs new_session)
  int oom_score_adj = 0;         // raised in the child when > 0
  bool ends_with_us = false;     // SIGKILL when the thread that starts it ends, however that happens
  uint64_t open_files = 0;       // soft limit of open descriptors in the child; 0: inherited
};

struct Child {
  pid_t pid = -1;
  Fd pidfd;  // becomes readable when the leader ends; may be empty on kernels without pidfd
};

// The child has all signals unblocked and at their default. For signals that no program of ours uses this
// holds if their disposition is changed before the first child is started, if at all (child.cpp has the
// list). Throws Error: not_found for a missing program or cwd ("starting nope: no such program"), invalid for
// one that cannot be executed, internal otherwise. On an error no process is left behind.
Child start_child(const ChildSpec& spec);

// What a process and those of its descendants that it waited for have used.
struct ResourceUsage {
  std::chrono::microseconds cpu{0};  // user and system
  // The largest resident size that one of them had. Trap: a child starts in our memory, so this is never
  // below what we ourselves had when it was started (own_peak_memory()).
  uint64_t peak_memory_bytes = 0;
  uint64_t written_bytes = 0;  // to file systems on disks
};
uint64_t own_peak_memory();

// How a process ended.
struct ExitStatus {
  int code = 0;    // exit status, or -1 when signalled
  int signal = 0;  // 0 when it exited
  bool core = false;
  ResourceUsage usage;
  // "exit status 3", "signal: killed", "signal: terminated (core dumped)".
  std::string text() const;
};
// `used`: what wait4() says, may be null.
ExitStatus exit_status_of(int wait_status, const rusage* used = nullptr);

}  // namespace osb::sys
