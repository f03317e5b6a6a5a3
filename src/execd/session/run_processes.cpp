#include "execd/session/run_processes.h"

#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <map>
#include <sstream>
#include <string>

#include "base/fd.h"
#include "execd/small_file.h"

namespace osb::execd {
namespace {

constexpr size_t kChildrenBytes = 64 * 1024;

uint64_t now_in_ticks() {
  timespec now = {};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  uint64_t per_second = static_cast<uint64_t>(::sysconf(_SC_CLK_TCK));
  return static_cast<uint64_t>(now.tv_sec) * per_second +
         static_cast<uint64_t>(now.tv_nsec) * per_second / 1'000'000'000;
}

// A pid may have got another owner since the list was read.
void signal_if_same(const ProcessStat& process, int number) {
  Fd fd(static_cast<int>(::syscall(SYS_pidfd_open, process.pid, 0)));
  if (!fd || read_process(process.pid).start_ticks != process.start_ticks) return;
  ::syscall(SYS_pidfd_send_signal, fd.get(), number, nullptr, 0);
}

}  // namespace

RunStart run_start(pid_t shell) {
  std::string pid = std::to_string(shell);
  RunStart start{now_in_ticks(), {}};
  std::istringstream children(
      read_small_file("/proc/" + pid + "/task/" + pid + "/children", kChildrenBytes).value_or(""));
  for (pid_t child; children >> child;) start.children.insert(child);
  return start;
}

std::vector<ProcessStat> run_processes(const std::vector<ProcessStat>& all, pid_t shell,
                                       const RunStart& start) {
  std::set<pid_t> family = {shell}, older;
  std::map<pid_t, ProcessStat> found;
  auto looked_at = [&](pid_t pid) { return family.contains(pid) || older.contains(pid); };
  // Children may come before their parents in the list, hence the rounds.
  for (bool grew = true; grew;) {
    grew = false;
    for (const ProcessStat& process : all) {
      if (looked_at(process.pid)) continue;
      bool of_older = older.contains(process.parent);
      bool orphan = process.group == shell && !of_older && process.parent == ::getpid();
      if (!family.contains(process.parent) && !of_older && !orphan) continue;
      grew = true;
      bool was_there = process.start_ticks < start.ticks ||
                       (process.start_ticks == start.ticks && start.children.contains(process.pid));
      if (of_older || was_there) {
        older.insert(process.pid);
      } else {
        family.insert(process.pid);
        found[process.pid] = process;
      }
    }
  }
  std::vector<ProcessStat> out;
  for (const auto& [pid, process] : found)
    if (process.state != 'Z') out.push_back(process);
  return out;
}

size_t signal_run_processes(pid_t shell, const RunStart& start, int number) {
  std::vector<ProcessStat> processes = run_processes(read_processes(), shell, start);
  for (const ProcessStat& process : processes) signal_if_same(process, number);
  return processes.size();
}

}  // namespace osb::execd
