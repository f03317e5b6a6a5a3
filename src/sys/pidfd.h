// Processes by descriptor: a number that cannot be taken over by another process.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>

#include "base/fd.h"

namespace osb::sys {

// clone3 without shared memory: continues in the child with 0, in the parent with the child's number. `flags`
// are CLONE_NEW*. `cgroup` >= 0 is a v2 cgroup directory that the child starts in. The child has default
// signal dispositions except for what is ignored, and may call async-signal-safe functions only. Throws
// Error.
pid_t clone_process(uint64_t flags, int cgroup, Fd& pidfd);

// True if the signal was sent or the process is already gone.
bool send_signal(const Fd& pidfd, int signal);

// Reaps a child; its wait status, or nullopt while it runs. Never blocks.
std::optional<int> try_reap(const Fd& pidfd);

}  // namespace osb::sys
