// Errors of the C++ SDK in the words of the command line.
#pragma once

#include <opensandbox/error.h>

#include "osb/problem.h"

namespace osb::cli {

// The server's own code where it gave one, the name of the SDK's code otherwise, and advice for the codes
// that have a way out.
Problem sdk_problem(const opensandbox::Error& error);

}  // namespace osb::cli
