#include "launcher/guest_layer.h"

namespace osb::launcher {

LayerPlan plan_guest_layer(std::span<const char> execd, std::string_view go_kernel) {
  using Kind = LayerNode::Kind;
  LayerPlan plan;
  for (const char* path :
       {"dev", "etc", "opt", "opt/opensandbox", "opt/code-interpreter", "proc", "run", "sys", "var"})
    plan.push_back({Kind::directory, path, 0755});
  plan.push_back({Kind::directory, "root", 0700});
  for (const char* path : {"tmp", "var/tmp"}) plan.push_back({Kind::directory, path, 01777});
  plan.push_back({Kind::file, kExecdPath, 0755, std::string(execd.begin(), execd.end())});
  for (const char* path : {"opt/opensandbox/code-interpreter.sh", "opt/code-interpreter/code-interpreter.sh"})
    plan.push_back({Kind::hard_link, path, 0755, kExecdPath});
  if (!go_kernel.empty()) {
    plan.push_back({Kind::directory, "opt/opensandbox/kernels", 0755});
    plan.push_back({Kind::file, kGoKernelPath, 0755, std::string(go_kernel)});
  }
  return plan;
}

}  // namespace osb::launcher
