// Everything that the child between clone and exec needs, laid out in memory beforehand.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "base/error.h"
#include "launcher/sandbox_child.h"
#include "launcher/site.h"
#include "sys/cgroup.h"
#include "sys/links.h"

namespace osb::launcher {

// The program that is PID 1 of every sandbox; it comes from the guest layer.
constexpr const char* kInitProgram = "/opt/opensandbox/execd";

struct PlanInput {
  const Site& site;
  std::string name;  // of its directory
  std::string image_name;
  int image = -1;  // its root file system, or -1 for the image "host"
  uint32_t address = 0;
  uint32_t gateway = 0;
  int directory = -1;
  int log = -1;
  int boot = -1;
  int go = -1;
  int status = -1;
  int report = -1;
  const sys::Cgroup& cgroup;
};

// Owns the memory; valid as long as what the input points to. Not movable: the plan holds addresses inside
// it.
class SandboxPlan {
 public:
  explicit SandboxPlan(const PlanInput& input);
  SandboxPlan(const SandboxPlan&) = delete;
  SandboxPlan& operator=(const SandboxPlan&) = delete;

  const ChildPlan& child() const { return plan_; }

 private:
  void plan_overlays(const PlanInput& input);
  void plan_descriptors(const PlanInput& input);

  ChildPlan plan_{};
  std::deque<std::string> texts_;  // its strings do not move
  std::vector<Reopening> reopen_;
  std::vector<OverlayPlan> overlays_;
  std::vector<int> entries_;
  std::vector<DescriptorRange> close_;
  sys::InnerNetworkMessages network_;
};

// What a failure of the child means, for people.
Error explain(const ChildFailure& failure, const Site& site);

// The gaps between `keep` (sorted or not) from 10 upwards.
std::vector<DescriptorRange> ranges_without(std::vector<int> keep);

}  // namespace osb::launcher
