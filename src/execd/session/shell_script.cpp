#include "execd/session/shell_script.h"

#include <ctype.h>

#include <algorithm>

namespace osb::execd {
namespace {

// Options come last: some of them change how the rest is read. Only the shell itself: a child that a signal
// meets between fork and exec runs this trap, too.
constexpr std::string_view kKeepInBash =
    R"(((BASHPID == $$)) && { builtin printf 'state\0'; builtin declare -p; builtin declare -f; builtin declare -Fx; builtin alias -p; )"
    R"(builtin umask -p; builtin printf 'cd -- %q\n' "${PWD-/}"; builtin shopt -p; builtin set +o; )"
    R"(builtin printf '\0'; } >&201 2>/dev/null)";
constexpr std::string_view kKeepElsewhere =
    R"({ command printf 'state\0'; set; export -p; command printf 'cd -- "$PWD"\n'; alias; command printf 'umask '; umask; set +o; )"
    R"(command printf '\0'; } >&9 2>/dev/null)";

// While the redirection of the braces is in force bash keeps the old descriptor 9 at 10.
constexpr std::string_view kMoveReports = "{ exec 201>&10; } 9>&-; exec 9>&-\n";

std::string trap(std::string_view action, std::string_view on) {
  return "trap " + quote_for_shell(action) + " " + std::string(on) + "\n";
}

}  // namespace

std::string quote_for_shell(std::string_view text) {
  std::string out = "'";
  for (char c : text) {
    if (c == '\'')
      out += "'\\''";
    else
      out += c;
  }
  return out + "'";
}

bool is_shell_name(std::string_view name) {
  auto fits = [](char c) { return isalnum(static_cast<unsigned char>(c)) || c == '_'; };
  return !name.empty() && !isdigit(static_cast<unsigned char>(name[0])) && std::ranges::all_of(name, fits);
}

std::string shell_setup(ShellKind kind, std::string_view state) {
  bool bash = kind == ShellKind::bash;
  std::string out;
  if (bash) out += kMoveReports;
  // What cannot be set again (read-only variables of the shell itself) says so and is skipped.
  if (!state.empty())
    out += (bash ? "" : "command ") + ("eval " + quote_for_shell(state)) + " </dev/null >/dev/null 2>&1" +
           (bash ? "\n" : " 9>&-\n");
  out += trap("exit 143", std::to_string(kStopSignal));
  out += trap(bash ? kKeepInBash : kKeepElsewhere, "EXIT");
  return out;
}

std::string shell_run(ShellKind kind, const ShellRun& run) {
  bool bash = kind == ShellKind::bash;
  std::string out;
  for (const auto& [name, value] : run.exports) out += "export " + name + "=" + quote_for_shell(value) + "\n";
  if (!run.cwd.empty()) out += "cd -- " + quote_for_shell(run.cwd) + " && ";
  // Elsewhere a syntax error in eval would end the shell; `command` takes that away.
  out += bash ? "eval " : "command eval ";
  out += quote_for_shell(run.command) + " </dev/null" + (bash ? "\n" : " 9>&-\n");
  out += bash ? "{ builtin" : "{ command";
  out += " printf 'end\\0%s\\0%d\\0%s\\0' " + run.id + R"( "$?" "${PWD-}" >&)" + (bash ? "201" : "9");
  return out + "; } 2>/dev/null\n";
}

}  // namespace osb::execd
