// From errno to the errors of the file API. The wire codes are those that released clients know.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace osb::execd {

// "<doing> <path>: <cause>". ENOENT: not_found FILE_NOT_FOUND; EEXIST: conflict FILE_ALREADY_EXISTS; EACCES
// and EPERM: PERMISSION_DENIED (403); what the caller named wrongly (ENAMETOOLONG, ELOOP, ENOTDIR, EISDIR,
// ENXIO, EBUSY, EINVAL): invalid; a full disk: internal DISK_FULL; the rest: internal RUNTIME_ERROR.
Error file_error(std::string_view doing, std::string_view path, int err);
// The same with the current errno.
Error file_error(std::string_view doing, std::string_view path);

// For the directory that somebody wants to work in: where the disk is full or read-only as above, else
// invalid INVALID_REQUEST_BODY.
Error directory_error(std::string_view path, int err);

// Input that cannot be served whatever the state of the disk.
Error bad_file(std::string message, std::string wire = "RUNTIME_ERROR");

// Nothing is there: also when a part of the path is no directory.
bool is_missing(int err);

}  // namespace osb::execd
