// The layer above every image: execd, the entrypoint paths that released clients name, and the directories
// that mounts need. It lies on top so that no image can replace execd or bend a mount point with a symbolic
// link.
#pragma once

#include <span>

#include "launcher/layer.h"

namespace osb::launcher {

constexpr const char* kExecdPath = "opt/opensandbox/execd";

// `execd` is the program's bytes. Called as code-interpreter.sh (a hard link of it), execd waits for SIGTERM:
// the entrypoints work in images that have no shell.
LayerPlan plan_guest_layer(std::span<const char> execd);

}  // namespace osb::launcher
