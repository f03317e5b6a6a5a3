// The body of an upload: pairs of a part `metadata` (JSON) and a part `file` (bytes), in the order of the
// entries. No I/O.
#pragma once

#include <opensandbox/files.h>

#include <string>
#include <vector>

#include "transport/request.h"

namespace opensandbox::detail {

// Sets the call's body, or its source where an entry has one or `progress` is wanted. `full_names`: the file
// parts are named by the whole path, which servers in between want. Throws Error(invalid_argument).
void set_upload(Call& call, std::vector<FileWrite> entries, const Progress& progress, bool full_names);

}  // namespace opensandbox::detail
