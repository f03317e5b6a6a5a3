// Whose file calls a request under /v1/filesystem/{uid}/{gid}/ makes.
#pragma once

#include "execd/files/file_service.h"

namespace osb::execd {

// The ids of such a path: decimal, 0 … 4294967294. Throws Error(invalid, INVALID_REQUEST_BODY).
sys::FileIdentity read_identity(std::string_view uid, std::string_view gid);

// The service of that user: the same threads, but the calls are his (with the supplementary groups of his
// account), relative paths start at "/", and "~" and $HOME are the home of his account; without an account
// there is none. Reads the account files: belongs on a worker.
Service service_for(const FileService& daemon, sys::FileIdentity identity);

}  // namespace osb::execd
