// Reading a small regular file that the workload controls: never blocks on a FIFO put in its place, never
// reads more than it was told to.
#pragma once

#include <optional>
#include <string>

namespace osb::execd {

// The content, cut at `limit` bytes; nullopt if there is no such regular file or it cannot be read.
std::optional<std::string> read_small_file(const std::string& path, size_t limit);

}  // namespace osb::execd
