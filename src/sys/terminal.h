// Pseudo terminals. Sizes are in characters; a program on the terminal hears of a change by SIGWINCH.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "base/fd.h"

namespace osb::sys {

struct TerminalSize {
  uint16_t columns = 80;
  uint16_t rows = 24;
};

// `ours` is non-blocking: what is written there is typed, what is read there was printed. It reports EIO when
// nobody has `theirs` open any more, after everything that was printed.
struct Terminal {
  Fd ours;
  Fd theirs;
};

// Throws Error: exhausted when there are no more terminals, else as the kernel says (a container without
// devpts).
Terminal open_terminal(TerminalSize size);
// Best effort: a terminal that is gone has no size.
void resize_terminal(int ours, TerminalSize size);
// The process group that the keyboard's signals go to; 0 when there is none. The number may be stale: its
// processes may be gone, and the number in use for others.
pid_t foreground_group(int ours);
// The character that means "end of input" at the beginning of a line.
char end_of_input_character(int ours);

}  // namespace osb::sys
