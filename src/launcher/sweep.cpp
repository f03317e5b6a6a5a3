#include "launcher/sweep.h"

#include <unistd.h>

#include <vector>

#include "base/error.h"
#include "base/log.h"
#include "sys/tree.h"

namespace osb::launcher {

namespace {
constexpr int kTries = 500;
constexpr useconds_t kPause = 10'000;
}  // namespace

void sweep(const Site& site, sys::CgroupTree& cgroups, Trash& trash) {
  std::vector<sys::Cgroup> left;
  std::vector<std::string> ids = cgroups.list();
  for (const std::string& id : ids) left.push_back(cgroups.adopt(id));
  for (int tries = 0; !left.empty() && tries < kTries; tries++) {
    // Again in each round: a process may have been forking.
    for (sys::Cgroup& group : left) group.kill();
    std::erase_if(left, [](sys::Cgroup& group) { return group.try_remove(); });
    if (!left.empty()) ::usleep(kPause);
  }
  if (!left.empty()) log_error("control groups of an earlier launcher resist", {{"count", left.size()}});

  std::vector<std::string> directories = sys::list_directory(site.sandboxes.get());
  for (const std::string& name : directories) {
    try {
      trash.take(site.sandboxes.get(), name);
    } catch (const Error& e) {
      log_error("a sandbox's files stay behind", {{"sandbox", name}, {"error", e.message()}});
    }
  }
  if (!ids.empty() || !directories.empty())
    log_info("swept what an earlier launcher left",
             {{"groups", ids.size()}, {"directories", directories.size()}});
}

}  // namespace osb::launcher
