// A command in a sandbox as if it ran here: its output on our output, its exit code as ours, our Ctrl-C on
// it.
#pragma once

#include <opensandbox/opensandbox.h>

#include <functional>
#include <string>

namespace osb::cli {

// What begins a run; it is given the handlers and a token that stops following it.
using BeginRun = std::function<opensandbox::Execution(const opensandbox::Handlers&, std::stop_token)>;
// Ends what has the given ExecutionInit::id; called on another thread, once.
using EndRun = std::function<void(const std::string& id)>;

// Follows the run to its end and returns its exit code: 128 + the signal's number if one ended it. The texts
// go to stdout and stderr as they come, nothing added and nothing taken away. The first Ctrl-C (or SIGTERM)
// ends the run by `end` and returns 130 when it is over; the second one lets go of it at once. Throws Problem
// (EXECUTION_INCOMPLETE) if the stream ends without saying how the run ended, and what `begin` throws.
int follow(const BeginRun& begin, const EndRun& end);

// "signal: killed" -> 9; 0 if the text names no signal.
int signal_number(std::string_view text);
int exit_code_of(const opensandbox::Execution& execution);

// Words as one line for a POSIX shell, which splits it into the same words again.
std::string shell_line(const std::vector<std::string>& words);

}  // namespace osb::cli
