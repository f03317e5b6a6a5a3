// Mode and owner as clients give them: {"mode": 755, "owner": "app", "group": "www"}, every member optional.
#pragma once

#include <optional>
#include <string>

#include <boost/describe.hpp>

#include "execd/files/accounts.h"
#include "execd/files/staged_file.h"

namespace osb::execd {

struct Permission {
  std::optional<std::string> owner;
  std::optional<std::string> group;
  std::optional<int64_t> mode;  // digits, see mode.h; 0 means "not given"
};
BOOST_DESCRIBE_STRUCT(Permission, (), (owner, group, mode))

// Names or numbers to ids. Throws Error(invalid, wire) for a mode that is none. An unknown owner or group is
// left alone with a log line if `lenient` (uploads: released daemons do so), else it is an Error too.
FileAttributes attributes_of(const Permission& permission, const Accounts& accounts, bool lenient,
                             const std::string& wire = "INVALID_REQUEST_BODY");

// Applies what is set to whatever the absolute path leads to (links are followed). Owner and group stay
// unless they are named. Throws Error(not_found) if nothing is there.
void set_attributes(const std::string& path, const FileAttributes& attributes);
// The same for an open descriptor; `path` is for messages.
void set_attributes(int fd, const std::string& path, const FileAttributes& attributes);

// Makes the directory with its parents (0777 less the umask). Attributes go to it only if it is new: what
// exists stays as it is. Throws Error(invalid) if something else is in the way.
void make_directory(const std::string& path, const FileAttributes& attributes);

}  // namespace osb::execd
