// Parts of a create request that come as JSON, in the names of the wire. Unknown members and wrong kinds are
// refused with their place: nobody should find out from a running sandbox that a word was misspelt. Throw
// Problem.
#pragma once

#include <opensandbox/sandbox_types.h>

#include <vector>

#include "base/json.h"

namespace osb::cli {

opensandbox::NetworkPolicy policy_of(const json::Value& policy);
std::vector<opensandbox::Volume> volumes_of(const json::Value& volumes);

}  // namespace osb::cli
