// A shell in a sandbox on this terminal, or on these pipes.
#pragma once

#include <opensandbox/opensandbox.h>

#include <string>

namespace osb::cli {

struct TerminalRequest {
  std::string command;            // empty: an interactive shell
  std::string working_directory;  // empty: the daemon's
  std::string session;            // connect to this one in place of making one; it is not removed at the end
  bool takeover = false, viewer = false;
  bool terminal = true;  // false: pipes; then stdout and stderr stay apart and bytes are what they were
};

// Passes on what is typed, the size of the screen and, with pipes, Ctrl-C, until the shell ends; returns its
// exit code (128 + 9 if a signal ended it). A broken connection is mended without losing output. When osb
// itself is ended by a signal, a session that it made ends with it; 130 is returned. Throws Problem,
// opensandbox::Error.
int run_terminal(const opensandbox::Terminals& terminals, const TerminalRequest& request);

}  // namespace osb::cli
