// Ending everything that a command started: its process group, the session that it leads (a terminal's), and
// descendants that left both (setsid). Those are found once, while the leader is still their ancestor, and
// held by pidfd so that a reused pid is never hit.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/fd.h"

namespace osb::execd {

// The fields of /proc/<pid>/stat that are used here; pid 0 when the text is not understood.
struct ProcessStat {
  pid_t pid = 0;
  pid_t parent = 0;
  pid_t group = 0;
  pid_t session = 0;
  char state = '?';
  uint64_t cpu_ticks = 0;    // own and of waited-for children
  uint64_t start_ticks = 0;  // since boot
  uint64_t resident_pages = 0;
};
ProcessStat parse_process_stat(std::string_view text);
// pid 0 when there is no such process.
ProcessStat read_process(pid_t pid);
// All processes visible in /proc, at most kMaxProcesses.
constexpr size_t kMaxProcesses = 10000;
std::vector<ProcessStat> read_processes();

// Processor time of the living members of a group, and of those that they waited for.
std::chrono::microseconds cpu_time_of_group(pid_t group);

class ProcessTree {
 public:
  // Looks at /proc now. `leader` leads its own process group.
  explicit ProcessTree(pid_t leader);

  // To the group and to every descendant outside it; SIGKILL also to those that have left the group since we
  // looked. Processes that are gone are no error.
  void signal(int number) const;
  // Only to those outside; for when the group is gone, whose number may then belong to somebody else.
  void signal_outside(int number) const;
  // Those that were found, the group's own included, for whoever ends them later. Nothing is held here then.
  std::vector<Fd> release();
  // True while the group still has members (zombies that nobody reaped count).
  bool group_alive() const;

 private:
  pid_t leader_;
  std::vector<Fd> inside_, outside_;  // bounded; outside ones are never crowded out by members of the group
};

}  // namespace osb::execd
