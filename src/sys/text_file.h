// Small files, whole: what /proc, /sys and cgroup directories are made of. Relative to a directory descriptor
// (or AT_FDCWD). Reading stops at `limit` bytes. Both throw Error; the try_ forms answer instead.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace osb::sys {

std::string read_text(int dirfd, const std::string& path, size_t limit = 1 << 20);
std::optional<std::string> try_read_text(int dirfd, const std::string& path, size_t limit = 1 << 20);

// One write(2) into an existing file, as kernel interfaces want it.
void write_text(int dirfd, const std::string& path, std::string_view text);
bool try_write_text(int dirfd, const std::string& path, std::string_view text);
// Makes a new regular file; fails if the name exists. Never follows a link in the last component.
void create_text(int dirfd, const std::string& path, std::string_view text, unsigned mode = 0644);

// The number after `key` at the start of a line ("oom_kill 3"); nullopt if there is no such line.
std::optional<int64_t> keyed_number(std::string_view text, std::string_view key);

}  // namespace osb::sys
