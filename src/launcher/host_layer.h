// The root of image "host": top-level directories as on this machine, and the part of /etc that programs
// need. /usr (and real /bin, /lib… where they are not links into /usr) come from the machine itself,
// read-only; here they are empty directories. Everything is copied by an allow-list, and a file that not
// everybody may read is never copied, so nothing private to the operator gets in.
#pragma once

#include "launcher/layer.h"

namespace osb::launcher {

// Reads the machine below `machine_root` (a descriptor of "/" outside tests). What cannot be read is left out
// with a log line.
LayerPlan plan_host_layer(int machine_root);

}  // namespace osb::launcher
