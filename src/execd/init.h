// Life as PID 1 of a native sandbox: takes the BootConfig from its descriptor, starts listeners and
// entrypoint, reports on the other descriptor (api/boot.h), and ends the sandbox with the entrypoint.
//
// Whoever is root inside the sandbox may send signals to us; only signals from outside (sender pid 0 as seen
// from here) are obeyed.
#pragma once

#include "api/boot.h"

namespace osb::execd {

// True if this process was started as such: it is PID 1 and has both descriptors.
bool is_sandbox_init();

// Runs until the sandbox ends; the exit code of the process (128 + signal when the entrypoint was killed).
int run_sandbox_init(const char* version = "");

}  // namespace osb::execd
