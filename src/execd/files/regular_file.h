// Opening what a client asks to read.
#pragma once

#include <sys/stat.h>

#include <span>
#include <string>

#include "base/fd.h"

namespace osb::execd {

// Opens the absolute path for reading, through symbolic links. Never blocks: pipes, sockets and devices are
// refused with Error(invalid), directories too, and with PERMISSION_DENIED
// what /proc tells about the daemon itself to who acts in a user's name. Throws Error(not_found,
// FILE_NOT_FOUND) if nothing is there.
Fd open_regular(const std::string& path, struct stat& st);

// Reads at `offset` until `into` is full or the file ends; returns the bytes read. Throws Error.
size_t read_fully(int fd, std::span<char> into, uint64_t offset, const std::string& path);

}  // namespace osb::execd
