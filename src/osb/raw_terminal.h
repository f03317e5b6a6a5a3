// The terminal of the user, taken over for a while: every key comes as it is pressed and is not shown.
#pragma once

#include <termios.h>

namespace osb::cli {

enum class Keys {
  all,         // Ctrl-C is a key like others, and output is not touched
  no_signals,  // Ctrl-C is still SIGINT, and a line end still returns to the left
};

class RawTerminal {
 public:
  // `descriptor` must be a terminal. Throws Problem.
  explicit RawTerminal(int descriptor, Keys keys = Keys::all);
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
