// The program that execd wraps: started once, told about signals, and its end is the end of the daemon.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "execd/command/command_request.h"
#include "execd/reaper.h"

namespace osb::execd {

// What a start script would run: BOOTSTRAP_CMD by the shell; else what follows a "-c" by the shell; else the
// command as it stands; else just the shell. The shell is BOOTSTRAP_SHELL, bash or sh.
std::vector<std::string> entrypoint_command(const std::vector<std::string>& given,
                                            const Environment& environment);

class Entrypoint {
 public:
  // `on_end` gets the status a shell would report (128 + signal). It runs once, on the loop.
  Entrypoint(net::asio::any_io_executor executor, Reaper& reaper, std::vector<std::string> command,
             CommandDefaults defaults, std::function<void(int code)> on_end);
  ~Entrypoint();
  Entrypoint(const Entrypoint&) = delete;

  // In the foreground of our terminal, if there is one. Throws what start_child() throws.
  void start();
  // For the next start.
  void add_environment(const Environment& more);
  void forward(int signal) const;
  // Ends it, SIGKILL to its group when SIGTERM did not help for `patience`, and starts it again; on_end does
  // not run.
  net::task<> restart(std::chrono::milliseconds patience);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

// The status for a start that failed: 127 for a program that is missing, else 126.
int exit_code_of(const Error& error);

}  // namespace osb::execd
