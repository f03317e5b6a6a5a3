// The processes of one run in a session: what the session's shell started since the run began, and what came
// of it. Processes that earlier runs left in the background are not among them, nor is the shell.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <set>
#include <vector>

#include "execd/process_tree.h"

namespace osb::execd {

// What there was when a run began. The kernel counts start times in hundredths of a second; children of the
// shell that began in that very one are told apart by their names.
struct RunStart {
  uint64_t ticks = 0;        // since boot
  std::set<pid_t> children;  // of the shell
};
RunStart run_start(pid_t shell);

// Those of `all` that belong to the run: descendants of `shell`, and members of its process group that lost
// their parent. What was there at the start does not count, nor do its descendants.
std::vector<ProcessStat> run_processes(const std::vector<ProcessStat>& all, pid_t shell,
                                       const RunStart& start);

// Sends the signal to each of them, as they are now. Returns how many there were.
size_t signal_run_processes(pid_t shell, const RunStart& start, int number);

}  // namespace osb::execd
