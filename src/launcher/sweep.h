// Removes what an earlier launcher of the same state directory left behind when it did not end in good order.
#pragma once

#include "launcher/site.h"
#include "launcher/trash.h"
#include "sys/cgroup.h"

namespace osb::launcher {

// Kills every process in left control groups, waits for them (bounded), removes the groups and hands the
// directories of sandboxes to the trash. Links and filter rules are replaced by Network. What resists is
// logged.
void sweep(const Site& site, sys::CgroupTree& cgroups, Trash& trash);

}  // namespace osb::launcher
