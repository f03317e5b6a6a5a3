// Shape of "lifecycle" (hooks) and "networkPolicy" in a create request.
#pragma once

#include "api/validation.h"

namespace osb::api {

// Reports what is wrong; true when hooks are really asked for (an empty object asks for none).
bool check_hooks(const json::Value& value, const Location& loc, Problems& problems);

void check_network_policy(const json::Value& value, const Location& loc, Problems& problems);

}  // namespace osb::api
