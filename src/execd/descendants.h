// Everything that this process ever started and that still runs, wherever it went: as PID 1 or subreaper it
// is the ancestor of them all.
#pragma once

#include <chrono>

#include "net/task.h"

namespace osb::execd {

// SIGTERM to all of them, SIGKILL after `patience` to those that stay. Returns when none is left, or shortly
// after SIGKILL. Somebody must reap meanwhile.
net::task<> end_descendants(std::chrono::milliseconds patience);

}  // namespace osb::execd
