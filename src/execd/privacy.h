// Keeping the daemon's memory, descriptors and secrets away from the processes it starts.
#pragma once

#include <cstdint>

namespace osb::execd {

// Name `execd`; /proc/<us>/{mem,environ,fd} closed to processes without CAP_SYS_PTRACE; no core file.
void close_own_process();
// Raises our own soft limit of open descriptors to the hard one, and returns what it was: children get that
// back.
uint64_t raise_open_file_limit();

}  // namespace osb::execd
