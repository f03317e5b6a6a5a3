// passwd and group without people: what remains of a machine's account files inside a sandbox.
#pragma once

#include <string>
#include <string_view>

namespace osb::launcher {

// Keeps system accounts (ids below 1000, and nobody): no full names, no password fields, home of root is
// /root. A missing root or nobody is added.
std::string sanitise_passwd(std::string_view text);
// Keeps system groups, without members.
std::string sanitise_group(std::string_view text);

}  // namespace osb::launcher
