#include "osb/remote_run.h"

#include <string.h>
#include <unistd.h>

#include <mutex>

#include "osb/interrupts.h"
#include "osb/output.h"
#include "osb/problem.h"

namespace osb::cli {

namespace {

// Brings together what two threads know: which run it is, and that it shall end.
class Ending {
 public:
  explicit Ending(EndRun end) : end_(std::move(end)) {}

  void began(const std::string& id) {
    std::lock_guard lock(mutex_);
    id_ = id;
    if (wanted_) now();
  }
  void want() {
    std::lock_guard lock(mutex_);
    wanted_ = true;
    if (!id_.empty()) now();
  }

 private:
  void now() {
    if (done_) return;
    done_ = true;
    try {
      end_(id_);
    } catch (const std::exception&) {  // it has ended by itself, or a second Ctrl-C has to do
    }
  }

  EndRun end_;
  std::mutex mutex_;
  std::string id_;
  bool wanted_ = false, done_ = false;
};

}  // namespace

int signal_number(std::string_view text) {
  static constexpr struct {
    std::string_view name;
    int number;
  } kNames[] = {{"hangup", SIGHUP},       {"interrupt", SIGINT},
                {"quit", SIGQUIT},        {"illegal instruction", SIGILL},
                {"aborted", SIGABRT},     {"floating point exception", SIGFPE},
                {"killed", SIGKILL},      {"segmentation fault", SIGSEGV},
                {"broken pipe", SIGPIPE}, {"alarm clock", SIGALRM},
                {"terminated", SIGTERM},  {"bus error", SIGBUS}};
  constexpr std::string_view kPrefix = "signal: ";
  size_t at = text.find(kPrefix);
  if (at == std::string_view::npos) return 0;
  text.remove_prefix(at + kPrefix.size());
  for (const auto& each : kNames)
    if (text.starts_with(each.name)) return each.number;
  int number = 0;
  for (char c : text.starts_with("signal ") ? text.substr(7) : text) {
    if (c < '0' || c > '9') break;
    number = number * 10 + (c - '0');
  }
  return number;
}

int exit_code_of(const opensandbox::Execution& execution) {
  if (execution.exit_code && *execution.exit_code >= 0) return *execution.exit_code;
  if (!execution.error)
    throw Problem("EXECUTION_INCOMPLETE", "running the command: the stream ended without saying how it went",
                  "osb command status SANDBOX " + execution.id);
  for (const std::string& line : execution.error->traceback)
    if (int number = signal_number(line)) return 128 + number;
  if (execution.exit_code) return 128 + SIGKILL;
  throw Problem(execution.error->name, "running the command: " + execution.error->value);
}

int follow(const BeginRun& begin, const EndRun& end) {
  Ending ending(end);
  Interrupts interrupts([&] { ending.want(); });
  opensandbox::Handlers handlers;
  handlers.keep_output = false;
  handlers.on_init = [&](const opensandbox::ExecutionInit& init) { ending.began(init.id); };
  handlers.on_stdout = [](const opensandbox::Output& out) { write_all(STDOUT_FILENO, out.text); };
  handlers.on_stderr = [](const opensandbox::Output& out) { write_all(STDERR_FILENO, out.text); };
  handlers.on_gap = [](uint64_t events) {
    write_all(STDERR_FILENO, "osb: " + std::to_string(events) + " pieces of output were lost\n");
  };
  try {
    opensandbox::Execution execution = begin(handlers, interrupts.token());
    return interrupts.happened() ? kExitInterrupted : exit_code_of(execution);
  } catch (const OutputGone&) {
    ending.want();  // as SIGPIPE would have ended it here
    throw;
  } catch (const opensandbox::Error&) {
    if (interrupts.happened()) return kExitInterrupted;
    throw;
  }
}

std::string shell_line(const std::vector<std::string>& words) {
  constexpr std::string_view kSafe = "@%+=:,./-_";
  std::string line;
  for (const std::string& word : words) {
    if (!line.empty()) line += ' ';
    bool safe = !word.empty();
    for (char c : word)
      safe = safe && ((c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') ||
                      kSafe.find(c) != std::string_view::npos);
    if (safe) {
      line += word;
      continue;
    }
    line += '\'';
    for (char c : word) line += c == '\'' ? std::string("'\\''") : std::string(1, c);
    line += '\'';
  }
  return line;
}

}  // namespace osb::cli
