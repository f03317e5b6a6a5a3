// The newest bytes of everything that a session ever printed. Offsets are absolute: they count from the first
// byte of the session and go on over restarts of its shell. Memory grows with what is there, up to the
// capacity.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace osb::execd {

class ReplayRing {
 public:
  explicit ReplayRing(size_t capacity) : capacity_(capacity) {}

  void append(std::string_view bytes);
  // The kept bytes are [first, end).
  uint64_t first() const { return end_ - kept_; }
  uint64_t end() const { return end_; }
  // At most `limit` bytes from `offset` on, which must lie in [first, end].
  std::string read(uint64_t offset, size_t limit) const;

 private:
  void grow(size_t wanted);
  void put(std::string_view bytes);

  size_t capacity_;
  std::unique_ptr<char[]> data_;  // the byte at offset n is at n modulo size_
  size_t size_ = 0;
  uint64_t end_ = 0;
  size_t kept_ = 0;
};

}  // namespace osb::execd
