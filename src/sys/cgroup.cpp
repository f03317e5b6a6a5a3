#include "sys/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "base/error.h"
#include "base/log.h"
#include "sys/text_file.h"
#include "sys/tree.h"

namespace osb::sys {

namespace {

constexpr int64_t kCpuPeriod = 100'000;  // microseconds
constexpr int64_t kCpuQuotaMin = 1000;
constexpr int64_t kCpuMillisMax = 1'000'000'000;
constexpr const char* kOthers = "opensandbox-others";
constexpr int kMoveRounds = 20;

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    size_t end = std::min(text.find(separator), text.size());
    if (end > 0) parts.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

bool has(const std::vector<std::string_view>& words, std::string_view word) {
  return std::ranges::find(words, word) != words.end();
}

std::string in(const std::string& directory, std::string_view file) {
  return directory + "/" + std::string(file);
}

// More cores than any machine has are no ceiling; the kernel refuses absurd numbers.
int64_t cpu_quota(int64_t millis) {
  return std::max(kCpuQuotaMin, std::min(millis, kCpuMillisMax) * kCpuPeriod / 1000);
}

void set(const std::string& directory, std::string_view file, const std::string& value) {
  write_text(AT_FDCWD, in(directory, file), value);
}

void set_limits(const CgroupMount& mount, const std::string& path, const CgroupLimits& limits) {
  if (mount.cpu && limits.cpu_millis > 0) {
    std::string quota = std::to_string(cpu_quota(limits.cpu_millis));
    if (mount.v2) {
      set(path, "cpu.max", quota + " " + std::to_string(kCpuPeriod));
    } else {
      set(path, "cpu.cfs_period_us", std::to_string(kCpuPeriod));
      set(path, "cpu.cfs_quota_us", quota);
    }
  }
  if (mount.memory && limits.memory_bytes > 0) {
    std::string bytes = std::to_string(limits.memory_bytes);
    if (mount.v2) {
      set(path, "memory.max", bytes);
      try_write_text(AT_FDCWD, in(path, "memory.swap.max"), "0");
    } else {
      set(path, "memory.limit_in_bytes", bytes);
      // Memory and swap together; the file is there only where swap is counted.
      try_write_text(AT_FDCWD, in(path, "memory.memsw.limit_in_bytes"), bytes);
    }
  }
  if (mount.pids && limits.pids > 0) set(path, "pids.max", std::to_string(limits.pids));
}

// A v2 group that is not the root of the whole tree (a container's) may not both hold processes and hand
// controllers on. What is in it moves into a child. True if it is empty then.
bool move_processes_down(const std::string& path) {
  std::string child = in(path, kOthers);
  if (::mkdir(child.c_str(), 0755) != 0 && errno != EEXIST) return false;
  for (int round = 0; round < kMoveRounds; round++) {  // they may be forking
    std::string pids = try_read_text(AT_FDCWD, in(path, "cgroup.procs")).value_or("");
    if (pids.empty()) return true;
    for (std::string_view pid : split(pids, '\n')) try_write_text(AT_FDCWD, in(child, "cgroup.procs"), pid);
  }
  return false;
}

void require(bool wanted, bool available, std::string_view what) {
  if (wanted && !available)
    throw Error(ErrorCode::unsupported,
                "limiting " + std::string(what) + ": no such control group on this machine");
}

}  // namespace

std::vector<CgroupMount> find_cgroup_mounts(std::string_view mountinfo, std::string_view v2_controllers) {
  std::string_view trimmed = v2_controllers.substr(0, v2_controllers.find_last_not_of('\n') + 1);
  std::vector<std::string_view> unified = split(trimmed, ' ');
  std::vector<CgroupMount> found;
  bool have_v2 = false;
  for (std::string_view line : split(mountinfo, '\n')) {
    size_t dash = line.find(" - ");
    if (dash == line.npos) continue;
    std::vector<std::string_view> front = split(line.substr(0, dash), ' ');
    std::vector<std::string_view> back = split(line.substr(dash + 3), ' ');
    if (front.size() < 5 || back.size() < 3) continue;
    CgroupMount mount{.path = std::string(front[4])};
    if (back[0] == "cgroup2" && !have_v2) {
      have_v2 = mount.v2 = mount.freezer = true;
      mount.cpu = has(unified, "cpu");
      mount.memory = has(unified, "memory");
      mount.pids = has(unified, "pids");
    } else if (back[0] == "cgroup") {
      std::vector<std::string_view> options = split(back[2], ',');
      mount.cpu = has(options, "cpu");
      mount.memory = has(options, "memory");
      mount.pids = has(options, "pids");
      mount.freezer = has(options, "freezer");
    }
    if (mount.used()) found.push_back(std::move(mount));
  }
  // One place for each use: a hierarchy may be mounted twice, and v2 freezes better than v1.
  for (bool CgroupMount::* use :
       {&CgroupMount::cpu, &CgroupMount::memory, &CgroupMount::pids, &CgroupMount::freezer}) {
    bool taken = false;
    if (use == &CgroupMount::freezer && have_v2) {
      for (CgroupMount& mount : found) mount.*use = mount.v2;
      continue;
    }
    for (CgroupMount& mount : found) {
      mount.*use = mount.*use && !taken;
      taken = taken || mount.*use;
    }
  }
  std::erase_if(found, [](const CgroupMount& mount) { return !mount.used(); });
  return found;
}

std::vector<CgroupMount> find_cgroup_mounts() {
  std::string mountinfo = read_text(AT_FDCWD, "/proc/self/mountinfo");
  for (const CgroupMount& mount : find_cgroup_mounts(mountinfo, ""))
    if (mount.v2)
      return find_cgroup_mounts(mountinfo,
                                try_read_text(AT_FDCWD, in(mount.path, "cgroup.controllers")).value_or(""));
  return find_cgroup_mounts(mountinfo, "");
}

std::vector<std::string> enable_controllers(const std::string& path, const std::vector<std::string>& names) {
  std::vector<std::string> enabled;
  for (const std::string& name : names) {
    auto enable = [&] { return try_write_text(AT_FDCWD, in(path, "cgroup.subtree_control"), "+" + name); };
    bool done = enable();
    int error = errno;
    if (!done && error == EBUSY && move_processes_down(path)) {
      log_info("moved the processes of a control group into a child of it",
               {{"path", path}, {"child", kOthers}});
      done = enable();
      error = errno;
    }
    if (done) {
      enabled.push_back(name);
    } else {
      log_warn("control group controller cannot be switched on",
               {{"controller", name}, {"path", path}, {"error", system_error("writing", error).message()}});
    }
  }
  return enabled;
}

CgroupTree::CgroupTree(std::string name, std::vector<CgroupMount> mounts)
    : name_(std::move(name)), mounts_(std::move(mounts)) {
  if (mounts_.empty()) throw Error(ErrorCode::unavailable, "looking for control groups: none are mounted");
  for (CgroupMount& mount : mounts_) {
    std::string path = in(mount.path, name_);
    if (mount.v2) enable_v2_controllers(mount, mount.path);
    if (::mkdir(path.c_str(), 0755) != 0 && errno != EEXIST)
      throw system_error("making control group " + path);
    if (mount.v2) enable_v2_controllers(mount, path);
  }
}

// What cannot be switched on is not there for us: a limit that needs it is refused.
void CgroupTree::enable_v2_controllers(CgroupMount& mount, const std::string& path) {
  std::vector<std::string> names;
  if (mount.cpu) names.push_back("cpu");
  if (mount.memory) names.push_back("memory");
  if (mount.pids) names.push_back("pids");
  names = enable_controllers(path, names);
  mount.cpu = std::ranges::find(names, "cpu") != names.end();
  mount.memory = std::ranges::find(names, "memory") != names.end();
  mount.pids = std::ranges::find(names, "pids") != names.end();
}

Cgroup CgroupTree::create(const std::string& name) {
  Cgroup group;
  try {
    for (const CgroupMount& mount : mounts_) {
      std::string path = in(in(mount.path, name_), name);
      check(::mkdir(path.c_str(), 0755), "making control group " + path);
      group.places_.push_back({mount, path});
      Fd entry(::open(in(path, mount.v2 ? "" : "tasks").c_str(),
                      O_CLOEXEC | (mount.v2 ? O_RDONLY | O_DIRECTORY : O_WRONLY)));
      check(entry.get(), "opening control group " + path);
      if (mount.v2) {
        group.clone_fd_ = std::move(entry);
      } else {
        group.entry_fds_.push_back(std::move(entry));
      }
    }
  } catch (const Error&) {
    group.try_remove();
    throw;
  }
  return group;
}

Cgroup CgroupTree::adopt(const std::string& name) {
  Cgroup group;
  for (const CgroupMount& mount : mounts_) {
    std::string path = in(in(mount.path, name_), name);
    if (::access(path.c_str(), F_OK) == 0) group.places_.push_back({mount, path});
  }
  return group;
}

std::vector<std::string> CgroupTree::list() const {
  std::set<std::string> ids;
  for (const CgroupMount& mount : mounts_) {
    std::string path = in(mount.path, name_);
    Fd directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory) continue;
    for (std::string& name : list_directory(directory.get())) {
      struct stat info;
      if (::fstatat(directory.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(info.st_mode))
        ids.insert(std::move(name));
    }
  }
  return {ids.begin(), ids.end()};
}

std::optional<int64_t> CgroupTree::memory_use() const {
  for (const CgroupMount& mount : mounts_) {
    if (!mount.memory) continue;
    std::string path = in(mount.path, name_);
    auto text = try_read_text(AT_FDCWD, in(path, mount.v2 ? "memory.current" : "memory.usage_in_bytes"), 64);
    int64_t value = 0;
    if (!text || std::from_chars(text->data(), text->data() + text->size(), value).ec != std::errc())
      return std::nullopt;
    std::string stat = try_read_text(AT_FDCWD, in(path, "memory.stat")).value_or("");
    std::string prefix = mount.v2 ? "" : "total_";
    for (const char* cache : {"active_file", "inactive_file"})
      value -= keyed_number(stat, prefix + cache).value_or(0);
    return std::max<int64_t>(value, 0);
  }
  return std::nullopt;
}

void CgroupTree::remove() {
  for (const CgroupMount& mount : mounts_) ::rmdir(in(mount.path, name_).c_str());
}

const Cgroup::Place* Cgroup::place(bool CgroupMount::* use) const {
  auto found = std::ranges::find_if(places_, [use](const Place& p) { return p.mount.*use; });
  return found == places_.end() ? nullptr : &*found;
}

void Cgroup::close_entries() {
  clone_fd_.reset();
  entry_fds_.clear();
}

void Cgroup::limit(const CgroupLimits& limits) {
  require(limits.cpu_millis > 0, place(&CgroupMount::cpu), "cpu");
  require(limits.memory_bytes > 0, place(&CgroupMount::memory), "memory");
  require(limits.pids > 0, place(&CgroupMount::pids), "processes");
  for (const Place& p : places_) set_limits(p.mount, p.path, limits);
}

void Cgroup::rename(const std::string& name) {
  for (Place& p : places_) {
    if (p.mount.v2) continue;
    std::string path = in(p.path.substr(0, p.path.rfind('/')), name);
    check(::rename(p.path.c_str(), path.c_str()), "renaming control group " + p.path);
    p.path = std::move(path);
  }
}

void Cgroup::freeze(bool on) {
  const Place* p = place(&CgroupMount::freezer);
  if (!p) throw Error(ErrorCode::unsupported, "freezing a sandbox: this machine has no freezer");
  if (p->mount.v2) {
    set(p->path, "cgroup.freeze", on ? "1" : "0");
  } else {
    set(p->path, "freezer.state", on ? "FROZEN" : "THAWED");
  }
}

bool Cgroup::frozen() const {
  const Place* p = place(&CgroupMount::freezer);
  if (!p) return false;
  if (p->mount.v2)
    return keyed_number(try_read_text(AT_FDCWD, in(p->path, "cgroup.events")).value_or(""), "frozen") == 1;
  return try_read_text(AT_FDCWD, in(p->path, "freezer.state")).value_or("").starts_with("FROZEN");
}

void Cgroup::kill() {
  for (const Place& p : places_)
    if (p.mount.v2 && !p.removed && try_write_text(AT_FDCWD, in(p.path, "cgroup.kill"), "1")) return;
  // v1, and v2 before Linux 5.14. A frozen process of v1 does not die before it thaws.
  if (const Place* p = place(&CgroupMount::freezer); p && !p->mount.v2)
    try_write_text(AT_FDCWD, in(p->path, "freezer.state"), "THAWED");
  for (const Place& p : places_) {
    if (p.removed) continue;
    std::string text = try_read_text(AT_FDCWD, in(p.path, "cgroup.procs")).value_or("");
    for (std::string_view line : split(text, '\n')) {
      pid_t pid = 0;
      std::from_chars(line.data(), line.data() + line.size(), pid);
      if (pid > 1) ::kill(pid, SIGKILL);
    }
  }
}

int64_t Cgroup::oom_kills() const {
  const Place* p = place(&CgroupMount::memory);
  if (!p) return 0;
  std::string text =
      try_read_text(AT_FDCWD, in(p->path, p->mount.v2 ? "memory.events" : "memory.oom_control")).value_or("");
  return keyed_number(text, "oom_kill").value_or(0);
}

bool Cgroup::try_remove() {
  close_entries();
  bool all = true;
  for (Place& p : places_) {
    if (!p.removed) p.removed = ::rmdir(p.path.c_str()) == 0 || errno == ENOENT;
    all = all && p.removed;
  }
  return all;
}

}  // namespace osb::sys
