// What a background command printed, kept in a file that has no name (any more). Reading is by byte offset
// into everything that was ever printed; only the last kKeptBytes of it are kept (a quarter is released at a
// time), and first() tells where they begin.
//
// The command writes into a pipe and the daemon into the file, not the command itself: a script that does
// `echo x > /dev/stderr` would truncate a file that is its stderr, and nothing would bound it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/fd.h"

namespace osb::execd {

class CommandLog {
 public:
  static constexpr uint64_t kKeptBytes = 64 * 1024 * 1024;

  // A file in $TMPDIR, /tmp or /var/tmp; memory where none can hold one. Throws Error if there is no
  // descriptor left.
  explicit CommandLog(uint64_t kept_bytes = kKeptBytes);

  // What does not fit on the disk is lost, and is then missing at the beginning.
  void append(std::string_view bytes);
  uint64_t first() const { return first_; }
  uint64_t end() const { return end_; }
  uint64_t size() const { return end_ - first_; }
  // Bytes from `offset`, which is at least first(); 0 at the end.
  size_t read(uint64_t offset, std::span<char> into) const;

 private:
  void forget_before(uint64_t offset);

  Fd file_;
  uint64_t kept_bytes_;
  uint64_t first_ = 0;
  uint64_t end_ = 0;
};

// A file without a name in that directory, for file systems that cannot make one: it is made with a name that
// nobody guesses, which is removed at once. Empty, with errno, if that fails.
Fd open_unlinked_file(const std::string& directory);

}  // namespace osb::execd
