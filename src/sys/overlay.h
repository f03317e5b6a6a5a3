// Overlay mounts: which options this kernel and this file system take.
#pragma once

#include <string>

namespace osb::sys {

// Options to append to "lowerdir=…,upperdir=…,workdir=…", each with a leading comma: the best set that a
// trial mount on `mount_point` (absolute, an existing directory) accepts. The trial's layers are made in and
// removed from the directory `scratch`. Call it in a mount namespace of one's own. Throws Error with the
// kernel's reason if no set works: then `scratch` is on a file system that cannot hold a writable layer.
std::string probe_overlay_options(int scratch, const std::string& mount_point);

}  // namespace osb::sys
