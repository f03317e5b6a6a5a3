#include "execd/telemetry/cgroup_usage.h"

#include <fcntl.h>

#include <algorithm>
#include <charconv>
#include <vector>

#include "sys/text_file.h"

namespace osb::execd {
namespace {

// v1 says "no limit" with the largest multiple of a page.
constexpr int64_t kNoLimit = int64_t{1} << 60;

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> out;
  while (!text.empty()) {
    size_t end = std::min(text.find(separator), text.size());
    if (end > 0) out.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

bool contains(const std::vector<std::string_view>& list, std::string_view what) {
  return std::find(list.begin(), list.end(), what) != list.end();
}

std::optional<int64_t> to_number(std::string_view text) {
  int64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc()) return std::nullopt;
  return value;
}

struct Mount {
  std::string_view root, at;
  std::vector<std::string_view> options;
  bool v2;
};

// "31 23 0:28 ROOT POINT opts … - TYPE source SUPEROPTS"
std::vector<Mount> cgroup_mounts(std::string_view mountinfo) {
  std::vector<Mount> out;
  for (std::string_view line : split(mountinfo, '\n')) {
    size_t dash = line.find(" - ");
    if (dash == std::string_view::npos) continue;
    auto left = split(line.substr(0, dash), ' '), right = split(line.substr(dash + 3), ' ');
    if (left.size() < 5 || right.empty() || (right[0] != "cgroup" && right[0] != "cgroup2")) continue;
    out.push_back({left[3], left[4], split(right.back(), ','), right[0] == "cgroup2"});
  }
  return out;
}

// The group of a controller ("" is v2) in /proc/self/cgroup, "N:controllers:/path" per line.
std::optional<std::string_view> group_of(std::string_view cgroup, std::string_view controller) {
  for (std::string_view line : split(cgroup, '\n')) {
    size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string_view::npos || second == std::string_view::npos) continue;
    std::string_view names = line.substr(first + 1, second - first - 1);
    if (controller.empty() ? names.empty() : contains(split(names, ','), controller))
      return line.substr(second + 1);
  }
  return std::nullopt;
}

// Where the group is below the mount, whose root may itself be a group.
std::string directory_of(const Mount& mount, std::string_view group) {
  if (mount.root != "/" && group.starts_with(mount.root)) group.remove_prefix(mount.root.size());
  while (group.starts_with('/')) group.remove_prefix(1);
  std::string out(mount.at);
  if (!group.empty()) out.append("/").append(group);
  return out;
}

// The group and those above it, up to the mount.
std::vector<std::string> chain(std::string directory, const std::string& top) {
  std::vector<std::string> out;
  while (directory.size() >= top.size() && directory.starts_with(top) && !top.empty()) {
    out.push_back(directory);
    if (directory.size() == top.size()) break;
    directory.resize(directory.rfind('/'));
  }
  return out;
}

std::optional<int64_t> smaller(std::optional<int64_t> a, std::optional<int64_t> b) {
  if (!a || !b) return a ? a : b;
  return std::min(*a, *b);
}

}  // namespace

GroupPlaces find_group_places(std::string_view mountinfo, std::string_view cgroup) {
  GroupPlaces out;
  for (const Mount& mount : cgroup_mounts(mountinfo)) {
    auto claim = [&](std::string& place, std::string_view controller) {
      if (mount.v2 ? !place.empty() : !contains(mount.options, controller)) return false;
      auto group = group_of(cgroup, mount.v2 ? std::string_view() : controller);
      if (group) place = directory_of(mount, *group);
      return group.has_value();
    };
    // A controller that v1 holds is not in v2: v1 wins, whatever the order of the mounts.
    if (claim(out.memory, "memory")) out.memory_top = mount.at, out.memory_v2 = mount.v2;
    if (claim(out.cpu, "cpu")) out.cpu_top = mount.at, out.cpu_v2 = mount.v2;
    claim(out.cpu_time, "cpuacct");
  }
  return out;
}

CgroupUsage::CgroupUsage(std::string root) : root_(std::move(root)) {
  places_ = find_group_places(text("/proc/self", "mountinfo").value_or(""),
                              text("/proc/self", "cgroup").value_or(""));
}

std::optional<std::string> CgroupUsage::text(const std::string& directory, const char* file) const {
  if (directory.empty()) return std::nullopt;
  return sys::try_read_text(AT_FDCWD, root_ + directory + "/" + file);
}

std::optional<int64_t> CgroupUsage::number(const std::string& directory, const char* file) const {
  auto content = text(directory, file);
  auto value = content ? to_number(*content) : std::nullopt;
  return value && *value < kNoLimit ? value : std::nullopt;
}

std::optional<int64_t> CgroupUsage::memory_in_use() const {
  // The root group of v1 counts the machine; it alone has this file. That of v2 counts nothing.
  if (!places_.memory_v2 && text(places_.memory, "release_agent")) return std::nullopt;
  auto used = number(places_.memory, places_.memory_v2 ? "memory.current" : "memory.usage_in_bytes");
  if (!used) return std::nullopt;
  std::string stat = text(places_.memory, "memory.stat").value_or("");
  auto cache = sys::keyed_number(stat, places_.memory_v2 ? "inactive_file" : "total_inactive_file");
  return std::max<int64_t>(0, *used - cache.value_or(0));
}

std::optional<int64_t> CgroupUsage::cpu_limit_at(const std::string& directory) const {
  std::optional<int64_t> quota, period;
  if (places_.cpu_v2) {
    std::string both = text(directory, "cpu.max").value_or("");
    quota = to_number(both);  // "max" is none
    period = to_number(std::string_view(both).substr(std::min(both.find(' ') + 1, both.size())));
  } else {
    quota = number(directory, "cpu.cfs_quota_us");
    period = number(directory, "cpu.cfs_period_us");
  }
  if (!quota || !period || *quota <= 0 || *period <= 0) return std::nullopt;
  return std::max<int64_t>(1, *quota * 1000 / *period);
}

GroupUsage CgroupUsage::read() const {
  GroupUsage out;
  out.memory_bytes = memory_in_use();
  const char* limit = places_.memory_v2 ? "memory.max" : "memory.limit_in_bytes";
  for (const std::string& directory : chain(places_.memory, places_.memory_top))
    out.memory_limit = smaller(out.memory_limit, number(directory, limit));
  for (const std::string& directory : chain(places_.cpu, places_.cpu_top))
    out.cpu_millis = smaller(out.cpu_millis, cpu_limit_at(directory));
  if (auto nanoseconds = number(places_.cpu_time, "cpuacct.usage")) {
    if (!text(places_.cpu_time, "release_agent"))
      out.cpu_time_us = static_cast<uint64_t>(*nanoseconds) / 1000;
  } else if (places_.cpu_v2 && text(places_.cpu, "cgroup.type")) {  // the root group of v2 has no type
    auto used = sys::keyed_number(text(places_.cpu, "cpu.stat").value_or(""), "usage_usec");
    if (used) out.cpu_time_us = static_cast<uint64_t>(*used);
  }
  return out;
}

}  // namespace osb::execd
