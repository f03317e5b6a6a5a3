// The supervisor: a small process that runs the launcher and restarts it, and does nothing else. It outlives
// the server (its own session, no descriptor of the server's) and ends when the launcher ends with status 0,
// which the launcher does when it has neither a server nor a sandbox, or when the launcher fails time after
// time and no server is there to need it. SIGTERM to the supervisor ends the launcher, and with it every
// sandbox. Where the supervisor alone was killed, the launcher goes on and starts another one, which waits
// until that launcher is gone.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <initializer_list>
#include <string>
#include <vector>

#include "base/fd.h"
#include "launcher/state_directory.h"

namespace osb::launcher {

struct SupervisorOptions {
  std::vector<std::string> launcher_arguments;  // of `opensandbox launcher`, without program and subcommand
  std::vector<std::string> environment;         // of supervisor and launcher
  std::chrono::milliseconds start_limit{10'000};
};

// For the server, while it is root and holds its lock: afterwards a launcher answers on
// STATE/run/launcher.sock (the one that is there, or one that a new supervisor started), and has a
// supervisor. Waits up to the limit, then Error(unavailable) with the end of launcher.log. Returns the
// connection on which it answered: as long as it is open, a launcher without sandboxes stays.
Fd ensure_supervisor(const StateDirectory& state, const SupervisorOptions& options);

// Starts a supervisor unless there is one (its lock tells). For root. Throws Error.
void start_supervisor(const StateDirectory& state, const SupervisorOptions& options);

// Body of `opensandbox supervisor`, with the descriptors that ensure_supervisor() passes. Detaches (the
// caller's process returns 0 at once), then stays until the launcher is done. Returns the exit status.
constexpr int kSupervisorLockFd = 3;  // STATE/run/supervisor.lock, locked; held for life
constexpr int kSupervisorLogFd = 4;   // STATE/launcher
int run_supervisor(const std::vector<std::string>& launcher_arguments);

constexpr off_t kLogLimit = 10 << 20;
// launcher.log in this directory, for appending; moved to launcher.log.1 first when it has grown beyond
// `limit`.
Fd open_launcher_log(int launcher_directory, off_t limit = kLogLimit);
// The same for a process that writes there already, through descriptors `fds`: they get the new file. A
// launcher that lives for months calls it every now and then. Throws Error.
void bound_launcher_log(int launcher_directory, std::initializer_list<int> fds, off_t limit = kLogLimit);

}  // namespace osb::launcher
