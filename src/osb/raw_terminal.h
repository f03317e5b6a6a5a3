// The terminal of the user, taken over for a while: every key comes as it is pressed, Ctrl-C included.
#pragma once

#include <termios.h>

namespace osb::cli {

class RawTerminal {
 public:
  // `descriptor` must be a terminal. Throws Problem.
  explicit RawTerminal(int descriptor);
  // As it was before.
  ~RawTerminal();
  RawTerminal(const RawTerminal&) = delete;
  RawTerminal& operator=(const RawTerminal&) = delete;

 private:
  int descriptor_;
  termios before_{};
};

struct ScreenSize {
  int columns = 80, rows = 24;
};
ScreenSize screen_size(int descriptor);

}  // namespace osb::cli
