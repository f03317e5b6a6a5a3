// Waiting for a sandbox that starts. One deadline holds for finding its daemon and for asking it.
#pragma once

#include <opensandbox/sandbox.h>

#include "transport/wait.h"

namespace opensandbox::detail {

// Throws Error: not_ready when the time is over; what would not get better by waiting (401, 403, 404) at
// once.
void get_ready(Sandbox& sandbox, const Readiness& readiness, const std::stop_token& stop);
// One check: the daemon's ping, or the check that the sandbox was made with. Throws what it throws.
bool is_ready(Sandbox& sandbox, const Wait& wait);

}  // namespace opensandbox::detail
