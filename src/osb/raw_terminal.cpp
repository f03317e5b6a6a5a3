#include "osb/raw_terminal.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include <string>

#include "osb/problem.h"

namespace osb::cli {

RawTerminal::RawTerminal(int descriptor, Keys keys) : descriptor_(descriptor) {
  if (::tcgetattr(descriptor_, &before_) < 0)
    throw Problem("TERMINAL", std::string("taking over the terminal: ") + ::strerror(errno));
  termios raw = before_;
  if (keys == Keys::all) ::cfmakeraw(&raw);
  raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
  ::tcsetattr(descriptor_, TCSADRAIN, &raw);
}

RawTerminal::~RawTerminal() { ::tcsetattr(descriptor_, TCSADRAIN, &before_); }

ScreenSize screen_size(int descriptor) {
  winsize size{};
  if (::ioctl(descriptor, TIOCGWINSZ, &size) < 0 || size.ws_col == 0 || size.ws_row == 0) return {};
  return {size.ws_col, size.ws_row};
}

}  // namespace osb::cli
