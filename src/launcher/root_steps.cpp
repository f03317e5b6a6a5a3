// The user inside is uid 0 of the machine's own user namespace, so file modes in /proc and /sys do not stop
// it: what can change the host is a read-only mount, what tells too much about it is covered by an empty file
// or directory.
#include "launcher/root_steps.h"

#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

namespace osb::launcher {

namespace {

constexpr unsigned long kInert = MS_NOSUID | MS_NODEV | MS_NOEXEC;

// Writing here would reach the host: kernel settings, interrupt routing, bus devices, file system modules.
constexpr const char* kReadOnly[] = {"/proc/sys", "/proc/irq",           "/proc/bus",
                                     "/proc/fs",  "/proc/sysrq-trigger", "/proc/mtrr"};
constexpr const char* kHidden[] = {
    "/proc/acpi",          "/proc/asound",      "/proc/interrupts",
    "/proc/kallsyms",      "/proc/kcore",       "/proc/keys",
    "/proc/key-users",     "/proc/kmsg",        "/proc/kpagecount",
    "/proc/kpageflags",    "/proc/kpagecgroup", "/proc/latency_stats",
    "/proc/sched_debug",   "/proc/scsi",        "/proc/slabinfo",
    "/proc/timer_list",    "/proc/timer_stats", "/proc/vmallocinfo",
    "/proc/iomem",         "/proc/ioports",     "/proc/dynamic_debug",
    "/proc/pressure",      "/sys/firmware",     "/sys/fs/bpf",
    "/sys/fs/cgroup",      "/sys/kernel/debug", "/sys/kernel/security",
    "/sys/kernel/tracing", "/sys/kernel/slab",  "/sys/devices/virtual/powercap"};

using Kind = RootStep::Kind;

void add_dev(std::vector<RootStep>& steps) {
  steps.push_back({Kind::directory, "/dev"});
  steps.push_back(
      {Kind::mount, "/dev", "tmpfs", "tmpfs", MS_NOSUID | MS_NOEXEC, "mode=755,size=64k,nr_inodes=1024"});
  struct Node {
    const char* path;
    unsigned major, minor;
  };
  for (const Node& node : {Node{"/dev/null", 1, 3},
                           {"/dev/zero", 1, 5},
                           {"/dev/full", 1, 7},
                           {"/dev/random", 1, 8},
                           {"/dev/urandom", 1, 9},
                           {"/dev/tty", 5, 0}})
    steps.push_back({.kind = Kind::node, .target = node.path, .device = makedev(node.major, node.minor)});
  steps.push_back({Kind::link, "/dev/fd", "/proc/self/fd"});
  steps.push_back({Kind::link, "/dev/stdin", "/proc/self/fd/0"});
  steps.push_back({Kind::link, "/dev/stdout", "/proc/self/fd/1"});
  steps.push_back({Kind::link, "/dev/stderr", "/proc/self/fd/2"});
  steps.push_back({Kind::link, "/dev/ptmx", "pts/ptmx"});
  steps.push_back({Kind::directory, "/dev/pts"});
  steps.push_back({Kind::mount, "/dev/pts", "devpts", "devpts", MS_NOSUID | MS_NOEXEC,
                   "newinstance,ptmxmode=0666,mode=0620,gid=5,max=256"});
  steps.push_back({Kind::directory, "/dev/shm"});
  // Counted to the sandbox's memory group like everything its processes write.
  steps.push_back({Kind::mount, "/dev/shm", "tmpfs", "tmpfs", kInert, "mode=1777,size=64m"});
}

}  // namespace

std::vector<RootStep> root_steps(const std::function<PathKind(const char*)>& kind_of) {
  std::vector<RootStep> steps;
  add_dev(steps);
  steps.push_back({Kind::directory, "/proc"});
  steps.push_back({Kind::mount, "/proc", "proc", "proc", kInert});
  steps.push_back({Kind::directory, "/sys"});
  steps.push_back({Kind::mount, "/sys", "sysfs", "sysfs", MS_RDONLY | kInert});
  for (const char* path : kReadOnly)
    if (kind_of(path) != PathKind::missing)
      steps.push_back({.kind = Kind::read_only, .target = path, .flags = kInert});
  // One empty read-only directory covers all of them.
  const char* empty = nullptr;
  for (const char* path : kHidden) {
    switch (kind_of(path)) {
      case PathKind::missing:
        break;
      case PathKind::file:
        steps.push_back({Kind::bind, path, "/dev/null"});
        break;
      case PathKind::directory:
        if (empty) {
          steps.push_back({Kind::bind, path, empty});
        } else {
          steps.push_back(
              {Kind::mount, path, "tmpfs", "tmpfs", MS_RDONLY | kInert, "mode=555,size=4k,nr_inodes=2"});
          empty = path;
        }
    }
  }
  return steps;
}

std::vector<RootStep> root_steps() {
  return root_steps([](const char* path) {
    struct stat info;
    if (::lstat(path, &info) != 0) return PathKind::missing;
    return S_ISDIR(info.st_mode) ? PathKind::directory : PathKind::file;
  });
}

std::string describe(const RootStep& step) {
  std::string target = step.target;
  switch (step.kind) {
    case Kind::directory:
      return "looking for the directory " + target;
    case Kind::mount:
      return "mounting " + target;
    case Kind::bind:
      return "covering " + target;
    case Kind::read_only:
      return "making " + target + " read-only";
    case Kind::node:
      return "making the device " + target;
    case Kind::link:
      return "making the link " + target;
  }
  return target;
}

}  // namespace osb::launcher
