// What sandboxes may reach, as packet filter rules that never change while a launcher runs: they speak of all
// links of this launcher and of its address block, so that no sandbox needs a rule of its own.
#pragma once

#include <cstdint>
#include <string>

#include "launcher/naming.h"

namespace osb::launcher {

struct AddressBlock {
  uint32_t first = 0;  // host order
  uint8_t prefix = 19;
};

// Replaces what an earlier launcher left. Throws Error.
void install_firewall(const Names& names, const AddressBlock& block);
// Best effort.
void remove_firewall(const Names& names);

}  // namespace osb::launcher
