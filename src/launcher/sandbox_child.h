// What runs between clone and exec: the code that turns a copy of the launcher into a sandbox's PID 1. Once
// the root and the network are there it waits to be claimed, for as long as it takes: sandboxes are made
// before anybody asks for them (slots.h).
//
// Everything it needs is made before in plain memory (sandbox_plan.h); it only makes system calls and
// allocates nothing.
#pragma once

#include <linux/filter.h>
#include <sys/types.h>

#include <cstddef>
#include <cstdint>

#include "sys/capabilities.h"

namespace osb::launcher {

// One thing to do inside the new root. Paths are absolute there.
struct RootStep {
  enum class Kind : uint8_t {
    directory,  // make sure that target is a real directory
    mount,      // source, type, flags, data
    bind,       // source over target
    read_only,  // target becomes a read-only mount of itself
    node,       // character device
    link,       // target -> source
  };
  Kind kind;
  const char* target;
  const char* source = nullptr;
  const char* type = nullptr;
  unsigned long flags = 0;
  const char* data = nullptr;
  dev_t device = 0;
};

// A directory that the launcher holds open and that the child opens again by path: mounts can only be made
// from directories of one's own mount namespace, and a descriptor stays in the namespace that it was opened
// in.
struct Reopening {
  const char* path;
  int fd;  // replaced; both must be the same directory
};

struct OverlayPlan {
  const char* target;   // absolute, before the root changes
  const char* options;  // relative to the sandbox's directory
};

struct DescriptorRange {
  unsigned first;
  unsigned last;
};

constexpr char kLinkReady = 'l';

// What a waiting child is told when a request has come. Smaller than what a pipe takes as a whole.
struct Claim {
  char hostname[65];  // padded with NUL
};

struct ChildPlan {
  // All descriptors are 10 or above.
  int launcher;  // pidfd of the launcher
  int go;        // kLinkReady arrives when the network link is there, a Claim when a request has it
  int status;    // takes a ChildFailure; closed by exec
  int standard_input;
  int log;
  int boot;
  int report;
  int directory;  // of the sandbox
  const DescriptorRange* close;
  size_t close_count;
  const int* cgroup_entries;
  size_t cgroup_entry_count;

  const Reopening* reopen;
  size_t reopen_count;
  const OverlayPlan* overlays;  // the first is the root
  size_t overlay_count;
  const RootStep* steps;
  size_t step_count;

  char* network;  // netlink messages; the number of eth0 is patched in
  size_t network_size;
  const size_t* link_offsets;
  size_t link_offset_count;
  uint32_t network_last;  // sequence number of the last message

  uint64_t max_files;
  sys::CapabilitySet capabilities;
  sock_fprog filter;
  const char* program;
  char* const* argv;
  char* const* envp;
};

enum class ChildStage : uint32_t {
  orphaned,
  descriptors,
  cgroup,
  cgroup_namespace,
  private_mounts,
  reopen,
  overlay,
  change_root,
  root_step,
  wait_for_link,
  network,
  limits,
  hostname,
  credentials,
  capabilities,
  filter,
  exec
};
struct ChildFailure {
  ChildStage stage;
  uint32_t detail;  // which directory, overlay or step
  int32_t error;
};

// Never returns: becomes the program, or writes a ChildFailure and exits with 127.
[[noreturn]] void run_sandbox_child(const ChildPlan& plan) noexcept;

}  // namespace osb::launcher
