// The execd that this program carries.
#pragma once

#include <span>

extern "C" const char osb_embedded_execd[];
extern "C" const char osb_embedded_execd_end[];

namespace osb {

inline std::span<const char> embedded_execd() { return {osb_embedded_execd, osb_embedded_execd_end}; }

}  // namespace osb
