#include "execd/files/line_window.h"

#include <string.h>

namespace osb::execd {

bool LineWindow::feed(std::string_view bytes) {
  if (closed_ || bytes.empty()) return !closed_;
  const char* data = bytes.data();
  size_t at = 0;
  while (at < bytes.size() && (skip_ > 0 || take_ > 0)) {
    const void* found = memchr(data + at, '\n', bytes.size() - at);
    if (!found) break;
    at = static_cast<size_t>(static_cast<const char*>(found) - data) + 1;
    if (skip_ > 0) {
      if (--skip_ == 0) begin_ = position_ + at;
    } else if (++taken_ == take_) {
      end_ = position_ + at - 1;
      closed_ = true;
      return false;
    }
  }
  position_ += bytes.size();
  ends_with_newline_ = bytes.back() == '\n';
  return true;
}

void LineWindow::finish() {
  if (closed_) return;
  closed_ = true;
  if (skip_ > 0) begin_ = position_;  // fewer lines than that
  end_ = position_;
  if (ends_with_newline_ && end_ > begin_) --end_;
}

}  // namespace osb::execd
