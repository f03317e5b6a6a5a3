// Unpacking a root file system from a tar archive (plain, gzip, zstd, xz or bzip2) that nobody vouches for.
// Only tar and these filters are switched on, which also keeps libarchive's XML and ICU parts out of the
// program.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

namespace osb::launcher {

struct Unpacked {
  uint64_t bytes = 0;    // content of regular files
  uint64_t entries = 0;  // files, directories, links
  uint64_t skipped = 0;  // device nodes and the like
};

// The next bytes of an archive, valid until the next call; empty at its end. What it throws ends the import
// and is what the caller of the import gets.
using ArchiveSource = std::function<std::string_view()>;
// The bytes of a file or a pipe, which stays the caller's and must outlive it.
ArchiveSource read_archive(int fd);

// Reads the archive to the end of `source` and writes it below the empty directory `root`; owners, modes
// (setuid too), modification times, and the attributes security.capability and user.* are kept
// (user.overlay.* is not: it would steer the overlay). Nothing is written outside `root`: an absolute name,
// "..", or a parent that is a symbolic link ends the import.
//
// Throws Error: invalid (damaged, hostile, no tar), unsupported (an OCI layout or `docker save` archive),
// too_large (more than `max_bytes` of content; 0: no such limit), exhausted (the disk would be full). What
// was written so far stays and is the caller's to remove.
Unpacked unpack_rootfs(const ArchiveSource& source, int root, uint64_t max_bytes = 0);

}  // namespace osb::launcher
