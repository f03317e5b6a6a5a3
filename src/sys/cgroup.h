// Control groups of sandboxes, in whatever layout the machine has: v2 alone, v1 alone, or both (hybrid:
// controllers in v1, an empty v2 tree that still starts, freezes and kills whole groups).
//
// Each controller is used where it is mounted; freezing and killing go through v2 when there is one.
// Processes join v1 groups by writing "0" into the `tasks` file themselves: moving oneself needs no grace
// period of the kernel, being moved costs one per hierarchy (several milliseconds).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"

namespace osb::sys {

// A mounted hierarchy and what we use it for.
struct CgroupMount {
  std::string path;
  bool v2 = false;
  bool cpu = false;
  bool memory = false;
  bool pids = false;
  bool freezer = false;
  bool used() const { return v2 || cpu || memory || pids || freezer; }
  bool operator==(const CgroupMount&) const = default;
};

// What is mounted, from the text of /proc/self/mountinfo; `v2_controllers` is the content of
// cgroup.controllers at the root of the v2 tree. Hierarchies of no use to us are left out.
std::vector<CgroupMount> find_cgroup_mounts(std::string_view mountinfo, std::string_view v2_controllers);
// The same for this machine.
std::vector<CgroupMount> find_cgroup_mounts();

// Hands controllers of the v2 group at `path` on to its children; returns those for which it worked, the
// others are logged. Where processes in the group are in the way (a container's root group holds all of
// them), they move into its child "opensandbox-others".
std::vector<std::string> enable_controllers(const std::string& path, const std::vector<std::string>& names);

struct CgroupLimits {
  int64_t cpu_millis = 0;  // 0 = no ceiling
  int64_t memory_bytes = 0;
  int64_t pids = 0;
};

// The groups of one sandbox. Dropping the object leaves them in place; remove them with try_remove().
class Cgroup {
 public:
  // A v2 directory to clone into, or -1.
  int clone_fd() const { return clone_fd_.get(); }
  // Files that the process writes "0" into to join the rest.
  const std::vector<Fd>& entry_fds() const { return entry_fds_; }
  // Closes both; call when the process is inside.
  void close_entries();

  // Sets ceilings, also for what is inside already. Throws Error: unsupported for a limit that this machine
  // cannot enforce.
  void limit(const CgroupLimits& limits);
  // Gives the groups another name where the kernel can (v1); a group of v2 keeps its name. Throws Error.
  void rename(const std::string& name);

  // Starts freezing or thawing; frozen() tells when it has happened. Throws Error.
  void freeze(bool on);
  bool frozen() const;
  // Kills every process inside, frozen or not. Best effort.
  void kill();
  // How often the kernel killed a process inside for lack of memory.
  int64_t oom_kills() const;
  // True when nothing is left; false while a process still is on its way out. Never blocks.
  bool try_remove();

 private:
  friend class CgroupTree;
  struct Place {
    CgroupMount mount;
    std::string path;
    bool removed = false;
  };
  const Place* place(bool CgroupMount::* use) const;

  std::vector<Place> places_;
  Fd clone_fd_;
  std::vector<Fd> entry_fds_;
};

// The directory `name` in every hierarchy in use, which holds the groups of all sandboxes of one launcher.
class CgroupTree {
 public:
  // Throws Error where there are no control groups or they cannot be written.
  explicit CgroupTree(std::string name, std::vector<CgroupMount> mounts = find_cgroup_mounts());

  // New groups without limits. Throws Error and leaves nothing behind then.
  Cgroup create(const std::string& name);
  // A handle on groups that exist already, in at least one hierarchy.
  Cgroup adopt(const std::string& name);
  // Names found in any hierarchy.
  std::vector<std::string> list() const;
  // Bytes in use by everything inside, without the page cache, which the kernel takes back when it needs
  // memory; nullopt where it is not counted.
  std::optional<int64_t> memory_use() const;
  // Removes the tree itself where it is empty.
  void remove();

 private:
  static void enable_v2_controllers(CgroupMount& mount, const std::string& path);

  std::string name_;
  std::vector<CgroupMount> mounts_;
};

}  // namespace osb::sys
