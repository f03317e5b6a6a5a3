// A piece of an upload on its way from the socket to the disk. It begins small, since most uploads are, and
// grows while the client sends faster than it is emptied: fewer, larger blocks cost fewer changes between the
// loop and the helper thread. Only so many uploads have large blocks at once.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

namespace osb::execd {

// How many uploads may have large blocks. Tokens may be dropped on any thread, and outlive it.
class LargeUploads {
 public:
  using Token = std::shared_ptr<void>;
  explicit LargeUploads(int most = 8);
  Token take();  // null if there are that many

 private:
  std::shared_ptr<std::atomic<int>> left_;
};

class UploadBlock {
 public:
  static constexpr size_t kSmall = 32 * 1024;
  static constexpr size_t kMedium = 256 * 1024;
  static constexpr size_t kLarge = 1024 * 1024;

  explicit UploadBlock(size_t capacity) { reserve(capacity); }

  std::string_view bytes() const { return {memory_.get(), size_}; }
  std::span<char> room() { return {memory_.get() + size_, capacity_ - size_}; }
  void committed(size_t count) { size_ += count; }
  bool half_full() const { return size_ * 2 >= capacity_; }

  // Empties this block for what comes after `last`, and gives it the size that fits. `token` is taken from
  // `large` when this upload first wants large blocks.
  void follow(const UploadBlock& last, LargeUploads& large, LargeUploads::Token& token);

 private:
  bool brimful() const { return size_ >= capacity_ / 8 * 7; }  // less than all is left between HTTP chunks
  void reserve(size_t capacity);

  std::unique_ptr<char[]> memory_;
  size_t capacity_ = 0;
  size_t size_ = 0;
  LargeUploads::Token token_;  // as long as a thread may use the memory
};

}  // namespace osb::execd
