// A piece of a journal: whole events, each as it is sent in the form of lines, in memory that does not move
// while it grows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

namespace osb::execd {

class JournalSegment {
 public:
  // `begin`: position of its first byte among all bytes ever recorded.
  JournalSegment(int64_t first_eid, uint64_t begin, size_t capacity)
      : first_eid_(first_eid),
        last_eid_(first_eid - 1),
        begin_(begin),
        capacity_(capacity),
        bytes_(std::make_unique_for_overwrite<char[]>(capacity)) {}

  int64_t first_eid() const { return first_eid_; }
  int64_t last_eid() const { return last_eid_; }
  uint64_t begin() const { return begin_; }
  uint64_t end() const { return begin_ + size_; }
  size_t capacity() const { return capacity_; }
  size_t room() const { return capacity_ - size_; }
  std::string_view text() const { return {bytes_.get(), size_}; }

  // Where the next event is written, into at most room() bytes; added() then takes it over.
  char* free_bytes() { return bytes_.get() + size_; }
  void added(size_t bytes) {
    size_ += bytes;
    ++last_eid_;
  }

  // No more events: gives back the memory behind the last one.
  void end_growth() {
    auto exact = std::make_unique_for_overwrite<char[]>(size_);
    std::memcpy(exact.get(), bytes_.get(), size_);
    bytes_ = std::move(exact);
    capacity_ = size_;
  }

 private:
  int64_t first_eid_, last_eid_;
  uint64_t begin_;
  size_t capacity_, size_ = 0;
  std::unique_ptr<char[]> bytes_;
};

}  // namespace osb::execd
