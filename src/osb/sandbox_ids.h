// The sandboxes that a completion may offer.
#pragma once

#include <vector>

#include "osb/completion.h"
#include "osb/invocation.h"

namespace osb::cli {

// The newest of them with their image. Empty if no server answers within a second, never an error.
std::vector<Candidate> sandbox_ids(Invocation& run);

}  // namespace osb::cli
