// Users and groups of the sandbox, read from its /etc/passwd and /etc/group by hand: a static program cannot
// use the name service of the C library.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace osb::execd {

struct Identity {
  uint32_t gid = 0;
  std::vector<uint32_t> groups;  // supplementary
  std::string home;              // empty: no account, or none named in it
};

// Primary and supplementary groups of `uid`, and its home. A uid without an account gets the group of the
// same number and no others.
Identity identity_of(uint32_t uid, std::string_view passwd, std::string_view group);
// The same from the files below `root` ("" for /).
Identity identity_of(uint32_t uid, const std::string& root = {});

}  // namespace osb::execd
