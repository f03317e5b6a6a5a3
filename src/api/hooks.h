// Shape of "lifecycle" (hooks) and "networkPolicy" in a create request.
#pragma once

#include <string>

#include "api/validation.h"

namespace osb::api {

// Reports what is wrong. The hooks as JSON text for execd; empty when none is asked for (by an empty object,
// say).
std::string read_hooks(const json::Value& value, const Location& loc, Problems& problems);

void check_network_policy(const json::Value& value, const Location& loc, Problems& problems);

}  // namespace osb::api
