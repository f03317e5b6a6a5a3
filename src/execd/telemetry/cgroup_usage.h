// What the kernel counts for the control group that we are in, and what it allows: v2, v1, or a mix of both,
// from inside a container or outside. Each controller is looked for where it is mounted; what cannot be seen
// (covered, not mounted, the machine's own root group) is absent, and never guessed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace osb::execd {

// Directories of our group; empty: none.
struct GroupPlaces {
  std::string memory, cpu,
      cpu_time;  // cpu_time: where the used time is counted (a controller of its own in v1)
  std::string memory_top, cpu_top;  // the mounts: limits above the group count too, up to here
  bool memory_v2 = false, cpu_v2 = false;
};
// From the texts of /proc/self/mountinfo and /proc/self/cgroup.
GroupPlaces find_group_places(std::string_view mountinfo, std::string_view cgroup);

struct GroupUsage {
  std::optional<int64_t> memory_bytes;  // without the page cache that the kernel would give back
  std::optional<int64_t> memory_limit;
  std::optional<int64_t> cpu_millis;  // limit; 1000 = one CPU
  std::optional<uint64_t> cpu_time_us;
};

class CgroupUsage {
 public:
  // `root` stands before every path (tests).
  explicit CgroupUsage(std::string root = {});
  GroupUsage read() const;

 private:
  std::optional<std::string> text(const std::string& directory, const char* file) const;
  std::optional<int64_t> number(const std::string& directory, const char* file) const;
  std::optional<int64_t> memory_in_use() const;
  std::optional<int64_t> cpu_limit_at(const std::string& directory) const;

  std::string root_;
  GroupPlaces places_;
};

}  // namespace osb::execd
