// Gives a file or directory another name.
#pragma once

#include <string>

namespace osb::execd {

// Both paths absolute. Missing parents of `to` are made (0755). Across file systems the tree is copied to a
// hidden name, renamed into place, and the source removed. Throws Error: not_found when `from` is missing,
// conflict FILE_ALREADY_EXISTS when `to` is there (also a dangling link).
void move_path(const std::string& from, const std::string& to);

}  // namespace osb::execd
