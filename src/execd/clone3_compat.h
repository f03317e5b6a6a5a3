// For hosts whose container runtime answers clone3 with EPERM (old seccomp profiles), which C libraries take
// for a failure instead of falling back to clone.
#pragma once

namespace osb::execd {

// From now on clone3 does not exist for this process and all that it starts. Call before the first thread.
// Throws Error. Without CAP_SYS_ADMIN it costs no_new_privs: sudo and the like stop working below.
void pretend_clone3_is_missing();

}  // namespace osb::execd
