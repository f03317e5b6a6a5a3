// Giving up root for good, in two steps: the server opens its database and its port under its own uid, but
// may still bind ports below 1024; then it keeps nothing.
#pragma once

#include <cstdint>

namespace osb::launcher {

// First step: real and effective ids become `uid`, no supplementary groups, and of all capabilities only
// CAP_NET_BIND_SERVICE (low ports) and CAP_DAC_READ_SEARCH (a state directory below a private one) stay in
// force. Files are created and written as `uid` from here on, so a link that somebody planted in the server's
// directory leads to nothing of root's. The way back to root is still open in this step. Single-threaded
// processes only. Throws Error.
void lower_privileges(uint32_t uid);

// Second step (works without the first, too): every id is `uid`, no capability is left or can come back
// (bounding set empty, no_new_privs), and the process cannot be traced or dumped. Verifies that there is no
// way back and ends with Error if there is one.
void drop_privileges(uint32_t uid);

}  // namespace osb::launcher
