// osb(1), written from the tree.
#pragma once

#include <string>

#include "osb/tree.h"

namespace osb::cli {

// The page in man(7) macros.
std::string man_page(const Command& root, const std::string& version);

}  // namespace osb::cli
