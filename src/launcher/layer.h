// Read-only layers that the launcher lays under (and over) the image of a sandbox. A layer is planned in
// memory, named after the hash of its plan, and written once: a new execd or a changed /etc gives a new
// directory beside the old one, which running sandboxes keep. All of it lives in STATE/launcher/layers, which
// only root can enter.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"

namespace osb::launcher {

struct LayerNode {
  enum class Kind : char { directory = 'd', file = 'f', symlink = 'l', hard_link = 'h' };
  Kind kind = Kind::directory;
  std::string path;  // relative, below the layer; parents come first
  mode_t mode = 0755;
  std::string content;  // of a file; target of a link (of a hard link: path in the layer)
};
using LayerPlan = std::vector<LayerNode>;

struct InstalledLayer {
  std::string name;  // directory in the layers directory: "guest-3f2a…"
  Fd directory;      // O_RDONLY | O_DIRECTORY
  Fd lock;           // shared: while it is open, sweep_layers() spares the layer
};

// Finds or writes the layer `kind`-<hash>. The directory appears complete or not at all. Throws Error.
InstalledLayer install_layer(int layers, std::string_view kind, const LayerPlan& plan);

// Removes layers that no process holds, and what a crash left half-written.
void sweep_layers(int layers);

}  // namespace osb::launcher
