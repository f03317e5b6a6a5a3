// Files and directory trees relative to a directory descriptor. Nothing here follows a symbolic link or
// crosses a mount, so a hostile tree (or a foreign file in a state directory) cannot lead us out of the
// directory we hold.
#pragma once

#include <fcntl.h>
#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"

namespace osb::sys {

// openat2 with RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS; O_CLOEXEC and O_NOFOLLOW are
// added. Throws system_error naming the path.
Fd open_beneath(int dir, const std::string& path, int flags, mode_t mode = 0);
// The same, an empty Fd and errno instead of an exception.
Fd try_open_beneath(int dir, const std::string& path, int flags, mode_t mode = 0);

// Creates `path` and what is missing above it (mode before umask), returns its O_DIRECTORY descriptor. A
// symbolic link or a file in the way is an error.
Fd make_directories(int dir, const std::string& path, mode_t mode = 0755);

// Asks the file system to put unrelated subdirectories of `dir` far apart (the top-directory flag of ext2 to
// ext4). Without it all sandboxes share one block group, where an ext4 without a journal looks at every inode
// that was freed in the last minutes before it takes a free one: half of the time of a create. False where
// the file system has no such flag.
bool spread_subdirectories(int dir);

// Names in a directory, without "." and "..", sorted. The descriptor's offset is not touched.
std::vector<std::string> list_directory(int dir);

// Removes `name` in `dir` and everything below it, however deep, with a bounded number of descriptors. A
// missing name is fine. Stops with an error at a mount point.
void remove_tree(int dir, const std::string& name);

// The whole file; Error(too_large) beyond `max`.
std::string read_file(int dir, const std::string& path, size_t max);
// Writes a new file completely; an existing one is an error.
void write_new_file(int dir, const std::string& path, std::string_view bytes, mode_t mode);
// Puts the file in place in one step: readers see the old or the new one.
void replace_file(int dir, const std::string& name, std::string_view bytes, mode_t mode);
void write_all(int fd, std::string_view bytes, std::string_view doing);

// Advisory lock (flock) on an open file; false if somebody else holds it and `wait` is not set.
enum class Lock { shared, exclusive };
bool lock_file(int fd, Lock kind, bool wait);

}  // namespace osb::sys
