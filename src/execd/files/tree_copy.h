// Copies a file or a tree to another file system, for moves that rename cannot do.
#pragma once

#include <string>

#include "sys/path.h"

namespace osb::execd {

// Makes `to` (which must not exist) a copy of `from`: content, links, named pipes, modes, times, and owners
// as far as allowed. Throws Error (`path` names the source in messages); then `to` may be there in part.
// Device nodes cannot be copied.
void copy_tree(const sys::Place& from, const sys::Place& to, const std::string& path);

}  // namespace osb::execd
