// What every sandbox finds in /dev, /proc and /sys, as steps for the child. The same list serves all
// sandboxes of a launcher: made once, from what this kernel has.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "launcher/sandbox_child.h"

namespace osb::launcher {

// `kind_of` answers for paths in /proc and /sys of this machine.
enum class PathKind { missing, file, directory };
std::vector<RootStep> root_steps(const std::function<PathKind(const char*)>& kind_of);
// For the machine we run on.
std::vector<RootStep> root_steps();

// "mounting /proc", for messages.
std::string describe(const RootStep& step);

}  // namespace osb::launcher
