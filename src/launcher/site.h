// What all sandboxes of one launcher share and what is made once: directories, layers, mount steps, filter.
#pragma once

#include <linux/filter.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/fd.h"
#include "launcher/launcher.h"
#include "launcher/naming.h"
#include "launcher/sandbox_child.h"

namespace osb::launcher {

struct Layer {
  std::string name;  // "usr": mounted as /usr; its writable part is kept in "usr.upper" and "usr.work"
  Fd lower;
};

struct Site {
  LauncherOptions options;
  Names names;
  Fd root;       // STATE/launcher
  Fd lock;       // held exclusively by the launcher of this state directory
  Fd sandboxes;  // STATE/launcher/sandboxes: a directory per sandbox
  Fd trash;      // STATE/launcher/trash: what waits to be deleted
  Fd images;
  Fd guest;
  Fd host;
  Fd null;
  Fd self;  // pidfd of the launcher
  std::string sandboxes_path;
  std::string mount_point;  // where each sandbox mounts its root, in its own mount namespace
  std::string overlay_options;
  std::vector<Layer> host_layers;  // of the image "host": /usr, and what is a real directory beside it
  std::vector<RootStep> steps;
  std::vector<sock_filter> filter;
  uint64_t max_files = 0;  // for programs in sandboxes
};

// Enters a mount namespace of its own, takes the state directory over and prepares all of it. Throws Error;
// conflict if another launcher holds the state directory.
Site open_site(const LauncherOptions& options);

// Top-level directories of the machine that the image "host" shows: "usr", and for machines without merged
// /usr also "bin", "sbin", "lib*".
std::vector<std::string> host_layer_names();

}  // namespace osb::launcher
