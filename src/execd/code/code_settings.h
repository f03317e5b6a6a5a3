// What an image or whoever makes a sandbox says about its code contexts.
//
// An image declares itself an interpreter with the file /etc/opensandbox/interpreter, which names the
// languages to make ready when a sandbox starts, separated by white space (an empty one means all of them),
// or with the variable OPENSANDBOX_INTERPRETER: 1 means all, 0 none, anything else names them. The file wins.
// EXECD_CODE_TIMEOUT (30s) and EXECD_CODE_OUTPUT_LIMIT (bytes) hold for every run; without them there are no
// limits.
#pragma once

#include <string>
#include <vector>

#include "execd/code/kernel.h"
#include "execd/environment.h"

namespace osb::execd {

inline constexpr const char* kInterpreterFile = "/etc/opensandbox/interpreter";

// "*" stands for all of them.
std::vector<std::string> warm_languages(const Environment& environment,
                                        const std::string& file = kInterpreterFile);
// A value that is not understood is left out, with a warning in the log.
RunLimits default_run_limits(const Environment& environment);

}  // namespace osb::execd
