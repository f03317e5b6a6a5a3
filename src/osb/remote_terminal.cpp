#include "osb/remote_terminal.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "base/error.h"
#include "base/fd.h"
#include "osb/output.h"
#include "osb/problem.h"
#include "osb/raw_terminal.h"

namespace osb::cli {

namespace {

using opensandbox::Terminal;
using opensandbox::TerminalOptions;
using opensandbox::Terminals;

constexpr int kReconnects = 20;
constexpr auto kReconnectPause = std::chrono::milliseconds(250);

// The connection, which the reading thread may replace while the other one writes.
class Line {
 public:
  explicit Line(Terminal terminal) : terminal_(std::make_shared<Terminal>(std::move(terminal))) {}
  std::shared_ptr<Terminal> get() {
    std::lock_guard lock(mutex_);
    return terminal_;
  }
  void replace(Terminal terminal) {
    std::lock_guard lock(mutex_);
    terminal_ = std::make_shared<Terminal>(std::move(terminal));
  }

 private:
  std::mutex mutex_;
  std::shared_ptr<Terminal> terminal_;
};

// Keys, the size of the screen and signals, on a thread of their own.
class Input {
 public:
  Input(Line& line, bool terminal) : line_(line), terminal_(terminal) {
    sigset_t set;
    ::sigemptyset(&set);
    for (int number : {SIGWINCH, SIGINT, SIGTERM, SIGHUP}) ::sigaddset(&set, number);
    ::pthread_sigmask(SIG_BLOCK, &set, &before_);
    signals_ = Fd(check(::signalfd(-1, &set, SFD_CLOEXEC), "waiting for signals"));
    end_ = Fd(check(::eventfd(0, EFD_CLOEXEC), "waiting for signals"));
    thread_ = std::thread([this] { pass_on(); });
  }
  ~Input() {
    ::eventfd_write(end_.get(), 1);
    thread_.join();
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  Input(const Input&) = delete;
  Input& operator=(const Input&) = delete;

  // Asked to stop by a signal that ends osb.
  std::stop_token token() const { return stop_.get_token(); }

 private:
  void pass_on() {
    bool open = true;
    while (true) {
      pollfd events[] = {
          {signals_.get(), POLLIN, 0}, {end_.get(), POLLIN, 0}, {open ? STDIN_FILENO : -1, POLLIN, 0}};
      if (::poll(events, 3, -1) < 0) continue;
      if (events[1].revents) return;
      if (events[0].revents) take_signal();
      if (events[2].revents) open = take_input();
    }
  }

  // What is typed while the connection is being mended is lost, like keys on a line that is down.
  template <class Send>
  void send(const Send& what) {
    try {
      what(*line_.get());
    } catch (const std::exception&) {  // the reading thread sees it, too, and knows what to do
    }
  }

  bool take_input() {
    char buffer[16384];
    ssize_t count = ::read(STDIN_FILENO, buffer, sizeof buffer);
    if (count < 0 && (errno == EINTR || errno == EAGAIN)) return true;
    if (count > 0) {
      send([&](Terminal& at) { at.write({buffer, static_cast<size_t>(count)}, end_token()); });
      return true;
    }
    send([&](Terminal& at) { at.end_input(end_token()); });
    return false;
  }

  void take_signal() {
    signalfd_siginfo info;
    if (::read(signals_.get(), &info, sizeof info) != sizeof info) return;
    if (info.ssi_signo == SIGWINCH) {
      ScreenSize size = screen_size(STDIN_FILENO);
      if (terminal_)
        send([&](Terminal& at) {
          at.resize(static_cast<uint16_t>(size.columns), static_cast<uint16_t>(size.rows), end_token());
        });
    } else if (info.ssi_signo == SIGINT && !interrupted_) {
      interrupted_ = true;
      send([&](Terminal& at) { at.signal("SIGINT", end_token()); });
    } else {
      stop_.request_stop();
    }
  }

  std::stop_token end_token() const { return stop_.get_token(); }

  Line& line_;
  bool terminal_, interrupted_ = false;
  std::stop_source stop_;
  sigset_t before_{};
  Fd signals_, end_;
  std::thread thread_;
};

TerminalOptions options_of(const TerminalRequest& request) {
  ScreenSize size = screen_size(STDIN_FILENO);
  return {.takeover = request.takeover,
          .viewer = request.viewer,
          .terminal = request.terminal,
          .columns = static_cast<uint16_t>(size.columns),
          .rows = static_cast<uint16_t>(size.rows)};
}

// The session lives on without us; what it prints meanwhile is kept.
Terminal mend(const Terminals& terminals, const Terminal& broken, TerminalOptions options,
              std::stop_token stop) {
  options.since = broken.offset();
  options.takeover = true;
  for (int attempt = 1;; ++attempt) {
    try {
      return terminals.connect(broken.session_id(), options, stop);
    } catch (const opensandbox::Error& error) {
      bool again = error.code() == opensandbox::ErrorCode::unreachable ||
                   error.code() == opensandbox::ErrorCode::timeout ||
                   error.code() == opensandbox::ErrorCode::conflict;
      if (!again || attempt == kReconnects) throw;
    }
    std::this_thread::sleep_for(kReconnectPause);
  }
}

// Prints until the shell has ended.
void print(const Terminals& terminals, Line& line, const TerminalOptions& options, std::stop_token stop) {
  while (!line.get()->ended()) {
    try {
      if (auto output = line.get()->read(opensandbox::Milliseconds::max(), stop))
        write_all(output->is_error ? STDERR_FILENO : STDOUT_FILENO, output->data);
    } catch (const opensandbox::Error& error) {
      if (error.code() != opensandbox::ErrorCode::unreachable) throw;
      line.replace(mend(terminals, *line.get(), options, stop));
    }
  }
}

void remove_session(const Terminals& terminals, const std::string& id) {
  try {
    terminals.remove(id);
  } catch (const opensandbox::Error&) {  // the sandbox may be gone with it
  }
}

int exit_code(const Terminal& terminal) {
  int code = terminal.exit_code().value_or(0);
  return code < 0 ? 128 + SIGKILL : code;
}

}  // namespace

int run_terminal(const Terminals& terminals, const TerminalRequest& request) {
  TerminalOptions options = options_of(request);
  bool ours = request.session.empty();
  Line line(ours ? terminals.open(request.command, request.working_directory, options)
                 : terminals.connect(request.session, options));
  std::string session = line.get()->session_id();
  std::optional<RawTerminal> raw;
  if (request.terminal && ::isatty(STDIN_FILENO)) raw.emplace(STDIN_FILENO);
  int code = kExitInterrupted;
  try {
    Input input(line, request.terminal);
    if (request.terminal && !request.viewer) line.get()->resize(options.columns, options.rows);
    try {
      print(terminals, line, options, input.token());
      code = exit_code(*line.get());
    } catch (const opensandbox::Error& error) {
      if (error.code() != opensandbox::ErrorCode::cancelled) throw;
    }
  } catch (...) {
    if (ours) remove_session(terminals, session);
    throw;
  }
  if (ours) remove_session(terminals, session);
  return code;
}

}  // namespace osb::cli
