// What the API says about one directory entry.
#pragma once

#include <sys/stat.h>

#include <string>
#include <string_view>

#include "execd/files/accounts.h"

namespace osb::execd {

// Appends {"path","type","size","modified_at","created_at","owner","group","mode"}. `st` as of lstat: a link
// is reported as a link. created_at is the time of the last change of the inode, as released daemons have it.
void append_file_info(std::string& out, std::string_view path, const struct stat& st,
                      const Accounts& accounts);

}  // namespace osb::execd
