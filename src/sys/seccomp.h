// The system call filter of sandboxes, as a ready BPF program: built once, loaded in each sandbox by one
// system call.
#pragma once

#include <linux/filter.h>

#include <vector>

namespace osb::sys {

// Throws Error on an architecture that the filter does not know.
std::vector<sock_filter> sandbox_filter();

// no_new_privs, then the filter. Async-signal-safe. 0 or an errno.
int load_filter(const sock_fprog& program) noexcept;

}  // namespace osb::sys
