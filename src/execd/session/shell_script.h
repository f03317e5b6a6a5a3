// The texts that a session's shell reads on its standard input: how it sets itself up, what it got from its
// predecessor, and one run after the other.
//
// The shell tells about the end of a run on a descriptor of its own, which no program that it starts
// inherits: nothing that is printed can look like that. Bash keeps it at 201, close-on-exec (a copy of a
// descriptor that bash itself has set aside is close-on-exec too; that is the only way to get one). Other
// shells know only descriptors of one digit: they keep it at 9, which is closed while a run's text is
// executed.
//
// A trap writes down what there is to keep when the shell ends by `exit`, or because it was told to stop by
// kStopSignal; the next shell of the session reads it. What has no name in the shell, or was hidden from it,
// is lost: background jobs (the processes live on), traps, descriptors, and in other shells than bash
// functions and arrays.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace osb::execd {

enum class ShellKind { bash, other };

// What start-up passes as the descriptor for reports.
inline constexpr int kReportDescriptor = 9;
// A real-time signal that nobody uses by accident: the trap ends the shell as `exit` would.
inline constexpr int kStopSignal = 40;

// 'text', for every shell.
std::string quote_for_shell(std::string_view text);
// Whether the shell can have a variable of that name.
bool is_shell_name(std::string_view name);

// The first text. `state`: what the last shell wrote down, may be empty.
std::string shell_setup(ShellKind kind, std::string_view state);

struct ShellRun {
  std::string id;                              // comes back in the report
  std::string command;                         // without NUL
  std::string cwd;                             // absolute; empty: where the shell is
  std::map<std::string, std::string> exports;  // names are shell names
};
std::string shell_run(ShellKind kind, const ShellRun& run);

}  // namespace osb::execd
