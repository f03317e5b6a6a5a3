// Bytes read from a connection and not used yet: small while idle, grown on demand.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>

namespace osb::http {

class InputBuffer {
 public:
  std::string_view view() const { return {data_.get() + begin_, end_ - begin_}; }
  bool empty() const { return begin_ == end_; }

  void consume(size_t count) {
    begin_ += count;
    if (begin_ == end_) begin_ = end_ = 0;
  }

  // Room for at least one more byte; call committed() with what was filled in.
  std::span<char> room() {
    if (end_ == capacity_ && begin_ > 0) {
      std::memmove(data_.get(), data_.get() + begin_, end_ - begin_);
      end_ -= begin_;
      begin_ = 0;
    }
    if (end_ == capacity_) grow(capacity_ ? capacity_ * 2 : kSmall);
    return {data_.get() + end_, capacity_ - end_};
  }
  void committed(size_t count) {
    end_ += count;
    if (end_ == capacity_ && capacity_ < kUsual) grow(kUsual);  // more is on its way
  }

  // Puts back bytes that were read elsewhere. The buffer is empty then.
  void refill(std::string_view bytes) {
    while (capacity_ < bytes.size()) grow(capacity_ ? capacity_ * 2 : kSmall);
    std::memcpy(data_.get(), bytes.data(), bytes.size());
    begin_ = 0;
    end_ = bytes.size();
  }

  // Gives memory back after a large head.
  void shrink_if_empty() {
    if (!empty() || capacity_ <= kUsual) return;
    data_.reset();
    begin_ = end_ = capacity_ = 0;
  }

 private:
  static constexpr size_t kSmall = 1024;  // what thousands of idle connections hold each
  static constexpr size_t kUsual = 4096;

  void grow(size_t capacity) {
    std::unique_ptr<char[]> larger(new char[capacity]);
    if (end_ > begin_) std::memcpy(larger.get(), data_.get() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
    data_ = std::move(larger);
    capacity_ = capacity;
  }

  std::unique_ptr<char[]> data_;
  size_t begin_ = 0;
  size_t end_ = 0;
  size_t capacity_ = 0;
};

}  // namespace osb::http
