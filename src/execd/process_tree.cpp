#include "execd/process_tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <charconv>
#include <memory>
#include <set>
#include <utility>

namespace osb::execd {
namespace {

constexpr size_t kMaxHeld = 256;  // descriptors for each of the two lists

int64_t next_number(std::string_view& rest) {
  while (!rest.empty() && rest[0] == ' ') rest.remove_prefix(1);
  int64_t value = 0;
  auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), value);
  rest.remove_prefix(static_cast<size_t>(end - rest.data()));
  return value;
}

ProcessStat read_process(int proc, std::string path) {
  path += "/stat";
  Fd file(::openat(proc, path.c_str(), O_RDONLY | O_CLOEXEC));
  char text[1024];
  ssize_t n = file ? ::read(file.get(), text, sizeof text) : -1;
  return n > 0 ? parse_process_stat({text, static_cast<size_t>(n)}) : ProcessStat{};
}

Fd open_pidfd(pid_t pid) { return Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))); }

void send(const Fd& process, int number) {
  ::syscall(SYS_pidfd_send_signal, process.get(), number, nullptr, 0);
}

// Descendants of `leader` and members of its session, in no order. Children may come before their parents in
// the list, hence the rounds.
std::vector<ProcessStat> descendants(pid_t leader) {
  std::vector<ProcessStat> all = read_processes(), found;
  std::set<pid_t> family = {leader};
  for (bool grew = true; grew;) {
    grew = false;
    for (const ProcessStat& process : all) {
      if (family.contains(process.pid)) continue;
      if (process.session != leader && !family.contains(process.parent)) continue;
      family.insert(process.pid);
      found.push_back(process);
      grew = true;
    }
  }
  return found;
}

}  // namespace

ProcessStat parse_process_stat(std::string_view text) {
  ProcessStat out;
  // The name in parentheses may hold anything, parentheses too.
  size_t close = text.rfind(')');
  if (close == std::string_view::npos || close + 4 > text.size()) return {};
  std::string_view head = text;
  out.pid = static_cast<pid_t>(next_number(head));
  text.remove_prefix(close + 2);
  out.state = text[0];
  text.remove_prefix(1);
  out.parent = static_cast<pid_t>(next_number(text));
  out.group = static_cast<pid_t>(next_number(text));
  out.session = static_cast<pid_t>(next_number(text));
  for (int field = 7; field <= 13; ++field) next_number(text);  // tty_nr … cmajflt
  for (int field = 14; field <= 17; ++field) out.cpu_ticks += static_cast<uint64_t>(next_number(text));
  for (int field = 18; field <= 21; ++field) next_number(text);  // priority … itrealvalue
  out.start_ticks = static_cast<uint64_t>(next_number(text));
  next_number(text);  // vsize
  out.resident_pages = static_cast<uint64_t>(next_number(text));
  return out;
}

ProcessStat read_process(pid_t pid) { return read_process(AT_FDCWD, "/proc/" + std::to_string(pid)); }

std::vector<ProcessStat> read_processes() {
  std::vector<ProcessStat> out;
  std::unique_ptr<DIR, int (*)(DIR*)> proc(::opendir("/proc"), ::closedir);
  if (!proc) return out;
  while (dirent* entry = ::readdir(proc.get())) {
    if (entry->d_name[0] < '1' || entry->d_name[0] > '9') continue;
    ProcessStat process = read_process(::dirfd(proc.get()), entry->d_name);
    if (process.pid > 0) out.push_back(process);
    if (out.size() >= kMaxProcesses) break;
  }
  return out;
}

std::chrono::microseconds cpu_time_of_group(pid_t group) {
  uint64_t ticks = 0;
  for (const ProcessStat& process : read_processes())
    if (process.group == group) ticks += process.cpu_ticks;
  return std::chrono::microseconds(ticks * 1'000'000 / static_cast<uint64_t>(::sysconf(_SC_CLK_TCK)));
}

ProcessTree::ProcessTree(pid_t leader) : leader_(leader) {
  for (const ProcessStat& process : descendants(leader)) {
    if (process.pid == ::getpid()) continue;
    std::vector<Fd>& list = process.group == leader ? inside_ : outside_;
    if (list.size() >= kMaxHeld) continue;
    if (Fd fd = open_pidfd(process.pid)) list.push_back(std::move(fd));
  }
}

void ProcessTree::signal(int number) const {
  ::kill(-leader_, number);
  signal_outside(number);
  if (number == SIGKILL)
    for (const Fd& process : inside_) send(process, number);
}

void ProcessTree::signal_outside(int number) const {
  for (const Fd& process : outside_) send(process, number);
}

std::vector<Fd> ProcessTree::release() {
  std::vector<Fd> out = std::exchange(inside_, {});
  for (Fd& process : std::exchange(outside_, {})) out.push_back(std::move(process));
  return out;
}

bool ProcessTree::group_alive() const { return ::kill(-leader_, 0) == 0 || errno == EPERM; }

}  // namespace osb::execd
