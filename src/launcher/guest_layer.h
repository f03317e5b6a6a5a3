// The layer above every image: execd with the workers that are too large to be part of it, the entrypoint
// paths that released clients name, and the directories that mounts need. It lies on top so that no image can
// replace execd or bend a mount point with a symbolic link.
#pragma once

#include <span>
#include <string_view>

#include "launcher/layer.h"

namespace osb::launcher {

constexpr const char* kExecdPath = "opt/opensandbox/execd";
constexpr const char* kGoKernelPath = "opt/opensandbox/kernels/go-kernel";  // where execd looks for it

// `execd` is the program's bytes. Called as code-interpreter.sh (a hard link of it), execd waits for SIGTERM:
// the entrypoints work in images that have no shell. `go_kernel`: the worker of Go contexts; empty: left out.
LayerPlan plan_guest_layer(std::span<const char> execd, std::string_view go_kernel = {});

}  // namespace osb::launcher
