// Shape of a volume in a create request. The schema is checked in full, so that a wrong volume gets the same
// answer whether or not the runtime can mount it.
#pragma once

#include "api/validation.h"

namespace osb::api {

// Reports what is wrong with one element of "volumes".
void check_volume(const json::Value& value, const Location& loc, Problems& problems);

// ^[a-z0-9]([-a-z0-9]*[a-z0-9])?$
bool is_volume_name(std::string_view name);

}  // namespace osb::api
