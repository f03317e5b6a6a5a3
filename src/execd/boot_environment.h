// What both lives of the daemon (PID 1, stand-alone) make out of an environment.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "execd/daemon.h"
#include "execd/environment.h"
#include "execd/executions.h"
#include "execd/pty/pty_session.h"

namespace osb::execd {

constexpr int kWorkloadOomScore = 500;  // the workload dies of a memory bomb, the daemon does not

// The base layer for commands: without the daemon's secrets, and with an EXECD_ENVS file that exists.
Environment base_environment(Environment environment);
// $JUPYTER_PORT, or where clients look without it.
uint16_t jupyter_port(const Environment& environment);
// What is kept of executions, with $EXECD_JOURNAL_BYTES of each (64 KiB to 1 GiB).
ExecutionLimits execution_limits(const Environment& environment);
// How long requests may go on at the end: $EXECD_API_GRACE_SHUTDOWN, at most a minute.
std::chrono::milliseconds grace_time(const Environment& environment);
// $EXECD_PTY_REPLAY_BYTES, in bounds; the rest as it is by default.
PtyOptions pty_options(const Environment& environment);

// Where metrics are exported to, if the environment asks for it; what cannot be done is logged.
void set_metrics_export(DaemonOptions& options, const Environment& environment, const std::string& version);

}  // namespace osb::execd
