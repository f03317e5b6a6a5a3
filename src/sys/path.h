// Paths as descriptors. A path text is looked up once; everything after that happens relative to the
// directory that was found, so a rename or a swapped symbolic link in between cannot lead an operation
// elsewhere. The magic links of /proc (exe, fd/N, root, …) are never followed: they would jump out of the
// directory tree.
//
// Failures are expected here: functions return an empty value and leave the reason in errno.
#pragma once

#include <fcntl.h>
#include <stdint.h>
#include <sys/stat.h>

#include <optional>
#include <string>
#include <string_view>

#include "base/fd.h"

namespace osb::sys {

// The same path without empty, "." and ".." parts, by its text alone (".." of the root is the root). Relative
// stays relative; the empty path is ".".
std::string clean_path(std::string_view path);
// Part behind the last '/'; "/" for the root.
std::string_view base_name(std::string_view path);

// open(2) relative to `dir` with O_CLOEXEC. `resolve` takes further RESOLVE_* flags of openat2(2); on kernels
// (or under filters) without openat2 they are dropped and plain openat is used.
Fd open_at(int dir, const std::string& path, int flags, mode_t mode = 0, uint64_t resolve = 0);

// A name in an open directory: what deletes, renames and creations work on. The parent is an O_PATH
// descriptor.
struct Place {
  Fd parent;
  std::string name;     // one path part; "." for the root
  bool vacant = false;  // there was nothing of that name; only locate_target() looks
};

// Where the absolute, clean path is; symbolic links are followed up to the parent, the last part is not
// looked at.
std::optional<Place> locate(const std::string& path);
// Where a write to the path lands: like locate(), but a symbolic link in the last part is followed, a
// dangling one too. ELOOP after 40 links or at a magic link; EACCES at a link of somebody else's in a sticky
// directory that everybody may write to.
std::optional<Place> locate_target(const std::string& path);

// The directory as an O_PATH descriptor, made with all missing parents. `made` tells whether the last part is
// new.
Fd make_directories(const std::string& path, mode_t mode, bool* made = nullptr);

// chmod of what an O_PATH (or any) descriptor holds; -1 with errno. Needs fchmodat2 or a mounted /proc.
int change_mode(int fd, mode_t mode);

// True if something is mounted right there.
bool is_mount_point(int dir, const char* name);

// A hidden name beside `name` that nobody guesses: ".<name>.<8 hex digits>", at most 255 bytes.
std::string hidden_sibling(std::string_view name);

}  // namespace osb::sys
