// Every name that a launcher leaves in the kernel derives from its state directory, so that launchers of
// different state directories never meet, and a restarted one finds what its predecessor left.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace osb::launcher {

struct Names {
  std::string tag;          // six characters of base 32
  std::string cgroup;       // opensandbox-<tag>
  std::string table;        // opensandbox_<tag>, of the packet filter
  std::string link_prefix;  // osb<tag>-, with a number of up to four digits within IFNAMSIZ
  uint64_t hash = 0;
};
// All links of all launchers start with this.
constexpr std::string_view kLinkFamily = "osb";

Names names_for(std::string_view real_state_dir);

// [0-9a-z-]{1,64}, not starting with a dash. Throws Error(invalid).
void check_sandbox_id(std::string_view id);

}  // namespace osb::launcher
