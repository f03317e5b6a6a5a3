// Layers are named by descriptor (/proc/self/fd/N) and relative path: no escaping of odd paths, and the
// sandbox's mount table shows nothing of the host's paths.
#include "launcher/sandbox_plan.h"

#include <linux/capability.h>
#include <string.h>

#include <algorithm>

#include "launcher/root_steps.h"

namespace osb::launcher {

namespace {

constexpr sys::CapabilitySet kCapabilities =
    sys::capability_set({CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FOWNER, CAP_FSETID, CAP_KILL, CAP_SETUID,
                         CAP_SETGID, CAP_SETPCAP, CAP_NET_BIND_SERVICE, CAP_SYS_CHROOT});

// execd gets the environment of the workload with its boot configuration; these are only for itself.
char kName[] = "execd";
char kPath[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
char* const kArgv[] = {kName, nullptr};
char* const kEnv[] = {kPath, nullptr};

std::string by_descriptor(int fd) { return "/proc/self/fd/" + std::to_string(fd); }

}  // namespace

std::vector<DescriptorRange> ranges_without(std::vector<int> keep) {
  std::sort(keep.begin(), keep.end());
  std::vector<DescriptorRange> ranges;
  unsigned from = 10;
  for (int fd : keep) {
    unsigned number = static_cast<unsigned>(fd);
    if (number < from) continue;
    if (number > from) ranges.push_back({from, number - 1});
    from = number + 1;
  }
  ranges.push_back({from, ~0u});
  return ranges;
}

SandboxPlan::SandboxPlan(const PlanInput& input)
    : network_(sys::inner_network_messages(input.address, input.gateway)) {
  plan_overlays(input);
  plan_descriptors(input);
  const Site& site = input.site;
  plan_.steps = site.steps.data();
  plan_.step_count = site.steps.size();
  std::span<char> network = network_.messages.bytes();
  plan_.network = network.data();
  plan_.network_size = network.size();
  plan_.link_offsets = network_.link_offsets.data();
  plan_.link_offset_count = network_.link_offsets.size();
  plan_.network_last = network_.messages.last_acknowledged();
  plan_.max_files = site.max_files;
  plan_.capabilities = kCapabilities;
  plan_.filter = {static_cast<unsigned short>(site.filter.size()),
                  const_cast<sock_filter*>(site.filter.data())};
  plan_.program = kInitProgram;
  plan_.argv = kArgv;
  plan_.envp = kEnv;
}

void SandboxPlan::plan_overlays(const PlanInput& input) {
  const Site& site = input.site;
  bool host = input.image < 0;
  auto reopen = [&](std::string path, int fd) {
    texts_.push_back(std::move(path));
    reopen_.push_back({texts_.back().c_str(), fd});
  };
  auto add = [&](std::string target, const std::string& lower, const std::string& prefix) {
    texts_.push_back(std::move(target));
    texts_.push_back("lowerdir=" + lower + ",upperdir=" + prefix + "upper,workdir=" + prefix + "work" +
                     site.overlay_options);
    overlays_.push_back({texts_[texts_.size() - 2].c_str(), texts_.back().c_str()});
  };
  add(site.mount_point,
      by_descriptor(site.guest.get()) + ":" + by_descriptor(host ? site.host.get() : input.image), "");
  if (host)
    for (const Layer& layer : site.host_layers)
      add(site.mount_point + "/" + layer.name, by_descriptor(layer.lower.get()), layer.name + ".");
  reopen(site.sandboxes_path + "/" + input.name, input.directory);
  reopen(site.options.guest_dir, site.guest.get());
  if (host) {
    reopen(site.options.host_dir, site.host.get());
    for (const Layer& layer : site.host_layers) reopen("/" + layer.name, layer.lower.get());
  } else {
    reopen(site.options.images_dir + "/" + input.image_name + "/rootfs", input.image);
  }
  plan_.reopen = reopen_.data();
  plan_.reopen_count = reopen_.size();
  plan_.overlays = overlays_.data();
  plan_.overlay_count = overlays_.size();
}

void SandboxPlan::plan_descriptors(const PlanInput& input) {
  const Site& site = input.site;
  plan_.launcher = site.self.get();
  plan_.go = input.go;
  plan_.status = input.status;
  plan_.standard_input = site.null.get();
  plan_.log = input.log;
  plan_.boot = input.boot;
  plan_.report = input.report;
  plan_.directory = input.directory;
  for (const Fd& entry : input.cgroup.entry_fds()) entries_.push_back(entry.get());
  plan_.cgroup_entries = entries_.data();
  plan_.cgroup_entry_count = entries_.size();

  std::vector<int> keep = {plan_.launcher, plan_.go,     plan_.status,    plan_.standard_input, plan_.log,
                           plan_.boot,     plan_.report, plan_.directory, site.guest.get()};
  keep.push_back(input.image < 0 ? site.host.get() : input.image);
  if (input.image < 0)
    for (const Layer& layer : site.host_layers) keep.push_back(layer.lower.get());
  keep.insert(keep.end(), entries_.begin(), entries_.end());
  close_ = ranges_without(std::move(keep));
  plan_.close = close_.data();
  plan_.close_count = close_.size();
}

Error explain(const ChildFailure& failure, const Site& site) {
  std::string doing = "starting a sandbox: ";
  switch (failure.stage) {
    case ChildStage::orphaned:
      doing += "following the launcher";
      break;
    case ChildStage::descriptors:
      doing += "arranging descriptors";
      break;
    case ChildStage::cgroup:
      doing += "joining control groups";
      break;
    case ChildStage::cgroup_namespace:
      doing += "entering a control group namespace";
      break;
    case ChildStage::hostname:
      doing += "setting the host name";
      break;
    case ChildStage::private_mounts:
      doing += "separating mounts";
      break;
    case ChildStage::reopen:
      doing += "finding layer " + std::to_string(failure.detail) + " of the root";
      break;
    case ChildStage::overlay:
      doing += failure.detail == 0 ? "mounting the root" : "mounting a system directory";
      break;
    case ChildStage::change_root:
      doing += "changing the root";
      break;
    case ChildStage::root_step:
      doing +=
          failure.detail < site.steps.size() ? describe(site.steps[failure.detail]) : "furnishing the root";
      break;
    case ChildStage::wait_for_link:
      doing += "waiting for the network link";
      break;
    case ChildStage::network:
      doing += "configuring the network";
      break;
    case ChildStage::limits:
      doing += "setting limits";
      break;
    case ChildStage::credentials:
      doing += "setting credentials";
      break;
    case ChildStage::capabilities:
      doing += "dropping capabilities";
      break;
    case ChildStage::filter:
      doing += "loading the system call filter";
      break;
    case ChildStage::exec:
      doing += "executing execd";
      break;
  }
  Error error = system_error(doing, failure.error);
  // A missing file in an image is nothing that the caller looked for by name.
  return error.code() == ErrorCode::not_found ? Error(ErrorCode::internal, error.message()) : error;
}

}  // namespace osb::launcher
