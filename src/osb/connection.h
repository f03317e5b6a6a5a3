// From settings to the SDK: where the server is, and handles of sandboxes. Nothing is sent before it is used.
#pragma once

#include <opensandbox/opensandbox.h>

#include <string>

#include "osb/invocation.h"

namespace osb::cli {

opensandbox::ConnectionConfig connection(Invocation& run);
// The sandbox named on the command line. Asks the server where it is, but not whether it is well: what is
// asked of it next says so.
opensandbox::Sandbox open_sandbox(Invocation& run, const std::string& id, std::stop_token stop = {});
opensandbox::Sandbox open_sandbox(Invocation& run);  // the argument SANDBOX

}  // namespace osb::cli
