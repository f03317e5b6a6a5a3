#include "execd/descendants.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include <set>
#include <vector>

#include "execd/process_tree.h"
#include "net/timer.h"

namespace osb::execd {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kLook{10};
constexpr milliseconds kKillTime{1000};

std::vector<pid_t> living_descendants() {
  std::vector<ProcessStat> all = read_processes();
  std::set<pid_t> family = {::getpid()};
  std::vector<pid_t> out;
  for (bool grew = true; grew;) {  // children may come before their parents in the list
    grew = false;
    for (const ProcessStat& process : all) {
      if (family.contains(process.pid) || !family.contains(process.parent)) continue;
      family.insert(process.pid);
      if (process.state != 'Z') out.push_back(process.pid);
      grew = true;
    }
  }
  return out;
}

// As PID 1 everybody in the namespace is a descendant, and /proc is not needed. True if there was anybody.
bool signal_all(int number) {
  if (::getpid() == 1) return ::kill(-1, number) == 0;
  std::vector<pid_t> pids = living_descendants();
  for (pid_t pid : pids) ::kill(pid, number);
  return !pids.empty();
}

net::task<> wait_until_gone(milliseconds limit, int number) {
  for (auto end = steady_clock::now() + limit; steady_clock::now() < end && signal_all(number);)
    co_await net::sleep_for(kLook);
}

}  // namespace

net::task<> end_descendants(milliseconds patience) {
  if (!signal_all(SIGTERM)) co_return;
  co_await wait_until_gone(patience, 0);
  co_await wait_until_gone(kKillTime, SIGKILL);  // again and again: a fork may have escaped the first round
}

}  // namespace osb::execd
