#include "launcher/root_steps.h"

#include <gtest/gtest.h>
#include <sys/mount.h>

#include <algorithm>

#include "launcher/sandbox_plan.h"

namespace osb::launcher {
namespace {

const RootStep* find(const std::vector<RootStep>& steps, std::string_view target, RootStep::Kind kind) {
  auto found =
      std::ranges::find_if(steps, [&](const RootStep& s) { return s.target == target && s.kind == kind; });
  return found == steps.end() ? nullptr : &*found;
}

TEST(RootSteps, WhatReachesTheHostIsReadOnlyOrCovered) {
  auto steps = root_steps([](const char* path) {
    std::string_view p = path;
    return p == "/proc/timer_stats"                                     ? PathKind::missing
           : p == "/proc/acpi" || p == "/proc/scsi" || p == "/proc/sys" ? PathKind::directory
                                                                        : PathKind::file;
  });
  EXPECT_TRUE(find(steps, "/proc/sys", RootStep::Kind::read_only));
  EXPECT_TRUE(find(steps, "/proc/sysrq-trigger", RootStep::Kind::read_only));
  EXPECT_TRUE(find(steps, "/sys", RootStep::Kind::mount)->flags & MS_RDONLY);
  EXPECT_STREQ(find(steps, "/proc/kcore", RootStep::Kind::bind)->source, "/dev/null");
  EXPECT_TRUE(find(steps, "/proc/acpi", RootStep::Kind::mount)->flags & MS_RDONLY);
  EXPECT_STREQ(find(steps, "/proc/scsi", RootStep::Kind::bind)->source, "/proc/acpi")
      << "one empty directory for all";
  EXPECT_FALSE(find(steps, "/proc/timer_stats", RootStep::Kind::bind));
}

TEST(RootSteps, MountPointsOfAnImageAreCheckedFirst) {
  auto steps = root_steps([](const char*) { return PathKind::missing; });
  for (const char* path : {"/dev", "/proc", "/sys"}) {
    const RootStep* check = find(steps, path, RootStep::Kind::directory);
    const RootStep* mount = find(steps, path, RootStep::Kind::mount);
    ASSERT_TRUE(check && mount);
    EXPECT_LT(check, mount);
  }
}

TEST(DescriptorRanges, CoverEverythingElse) {
  auto ranges = ranges_without({12, 10, 3, 15, 12});
  ASSERT_EQ(ranges.size(), 3u);
  EXPECT_EQ(ranges[0].first, 11u);
  EXPECT_EQ(ranges[0].last, 11u);
  EXPECT_EQ(ranges[1].first, 13u);
  EXPECT_EQ(ranges[1].last, 14u);
  EXPECT_EQ(ranges[2].first, 16u);
  EXPECT_EQ(ranges[2].last, ~0u);
}

}  // namespace
}  // namespace osb::launcher
