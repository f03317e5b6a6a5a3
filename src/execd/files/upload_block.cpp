#include "execd/files/upload_block.h"

namespace osb::execd {

LargeUploads::LargeUploads(int most) : left_(std::make_shared<std::atomic<int>>(most)) {}

LargeUploads::Token LargeUploads::take() {
  if (left_->fetch_sub(1) > 0) return Token(left_.get(), [left = left_](void*) { left->fetch_add(1); });
  left_->fetch_add(1);
  return nullptr;
}

void UploadBlock::reserve(size_t capacity) {
  if (capacity_ >= capacity) return;
  memory_.reset();
  memory_ = std::make_unique_for_overwrite<char[]>(capacity);
  capacity_ = capacity;
}

void UploadBlock::follow(const UploadBlock& last, LargeUploads& large, LargeUploads::Token& token) {
  size_ = 0;
  bool ahead = last.capacity_ >= kMedium && last.brimful();
  if (ahead && !token) token = large.take();
  token_ = token;
  reserve(ahead && token ? kLarge : kMedium);
}

}  // namespace osb::execd
