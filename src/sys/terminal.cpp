#include "sys/terminal.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>

#include "base/error.h"

namespace osb::sys {
namespace {

constexpr const char* kDoing = "opening a pseudo terminal";
constexpr char kControlD = '\x04';

// By descriptor where the kernel can (4.13): no path is looked up, which may belong to another mount of
// devpts.
Fd open_other_end(int ours) {
  constexpr int kFlags = O_RDWR | O_NOCTTY | O_CLOEXEC;
  if (int fd = ::ioctl(ours, TIOCGPTPEER, kFlags); fd >= 0) return Fd(fd);
  char path[64];
  if (int err = ::ptsname_r(ours, path, sizeof path); err != 0) throw system_error(kDoing, err);
  return Fd(check(::open(path, kFlags), kDoing));
}

}  // namespace

Terminal open_terminal(TerminalSize size) {
  Terminal out;
  out.ours.reset(check(::open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK), kDoing));
  int locked = 0;
  check(::ioctl(out.ours.get(), TIOCSPTLCK, &locked), kDoing);
  out.theirs = open_other_end(out.ours.get());
  resize_terminal(out.ours.get(), size);
  return out;
}

void resize_terminal(int ours, TerminalSize size) {
  winsize window = {};
  window.ws_col = size.columns;
  window.ws_row = size.rows;
  ::ioctl(ours, TIOCSWINSZ, &window);
}

pid_t foreground_group(int ours) {
  pid_t group = 0;
  return ::ioctl(ours, TIOCGPGRP, &group) == 0 ? group : 0;
}

char end_of_input_character(int ours) {
  termios settings;
  if (::tcgetattr(ours, &settings) != 0) return kControlD;
  return static_cast<char>(settings.c_cc[VEOF]);
}

}  // namespace osb::sys
