#include "execd/pty/replay_ring.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace osb::execd {

namespace {
constexpr size_t kSmallest = 4096;
}

void ReplayRing::append(std::string_view bytes) {
  if (bytes.size() > capacity_) {
    end_ += bytes.size() - capacity_;
    kept_ = 0;
    bytes.remove_prefix(bytes.size() - capacity_);
  }
  grow(std::min(capacity_, kept_ + bytes.size()));
  put(bytes);
}

void ReplayRing::grow(size_t wanted) {
  if (wanted <= size_) return;
  std::string before = read(first(), kept_);
  size_ = std::min(capacity_, std::max(kSmallest, std::bit_ceil(wanted)));
  data_ = std::make_unique_for_overwrite<char[]>(size_);
  end_ -= before.size();
  kept_ = 0;
  put(before);
}

void ReplayRing::put(std::string_view bytes) {
  while (!bytes.empty()) {
    size_t at = end_ % size_;
    size_t count = std::min(bytes.size(), size_ - at);
    std::memcpy(data_.get() + at, bytes.data(), count);
    bytes.remove_prefix(count);
    end_ += count;
    kept_ = std::min(size_, kept_ + count);
  }
}

std::string ReplayRing::read(uint64_t offset, size_t limit) const {
  std::string out;
  limit = std::min<uint64_t>(limit, end_ - offset);
  while (out.size() < limit) {
    size_t at = (offset + out.size()) % size_;
    out.append(data_.get() + at, std::min(limit - out.size(), size_ - at));
  }
  return out;
}

}  // namespace osb::execd
