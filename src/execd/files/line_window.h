// Finds where lines `offset` … `offset + limit - 1` of a file are, from its bytes as they are read. The
// window ends before the line end of its last line. Lines end at '\n'; a CR stays part of its line.
#pragma once

#include <cstdint>
#include <string_view>

namespace osb::execd {

class LineWindow {
 public:
  // offset from 1; limit 0 means all lines behind it.
  LineWindow(uint64_t offset, uint64_t limit) : skip_(offset - 1), take_(limit) {}

  // The next bytes of the file. False when the window's end was seen: further bytes do not matter.
  bool feed(std::string_view bytes);
  // The file has ended.
  void finish();

  uint64_t begin() const { return begin_; }
  uint64_t length() const { return end_ - begin_; }

 private:
  uint64_t skip_;
  uint64_t take_;
  uint64_t position_ = 0;
  uint64_t begin_ = 0;
  uint64_t end_ = 0;
  uint64_t taken_ = 0;
  bool ends_with_newline_ = false;
  bool closed_ = false;
};

}  // namespace osb::execd
