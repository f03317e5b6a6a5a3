// The daemon without a sandbox around it: alone, or wrapped around an entrypoint whose end is its own.
#pragma once

#include "execd/standalone_options.h"

namespace osb::execd {

// Runs until SIGTERM or SIGINT, which then lets requests end, ends every process that it started, and exports
// metrics a last time; with an entrypoint until that ends, and signals go to it. The exit code of the
// process.
int run_standalone(StandaloneOptions options);

}  // namespace osb::execd
