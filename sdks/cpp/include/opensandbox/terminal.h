// Terminals: a shell that outlives its clients, reached over a WebSocket.
#pragma once

#include <opensandbox/connection.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

namespace opensandbox {

namespace detail {
struct Link;
class TerminalLine;
}  // namespace detail

struct TerminalOutput {
  std::string data;       ///< bytes as they were printed
  bool is_error = false;  ///< stderr of a shell on pipes
};

/// State of a terminal session.
struct TerminalInfo {
  std::string session_id;
  bool running = false;          ///< whether its shell runs
  int64_t output_offset = 0;     ///< bytes printed so far
  std::optional<int> exit_code;  ///< of the last shell, when none runs; -1 if a signal ended it
};

/// How a session is connected to.
struct TerminalOptions {
  uint64_t since = 0;     ///< first byte of output that is wanted; the newest 1 MiB is kept
  bool takeover = false;  ///< take the session from the client that holds it
  bool viewer = false;    ///< look on only
  bool terminal = true;   ///< false: a shell that is started now gets pipes in place of a terminal
  uint16_t columns = 80, rows = 24;
};

/// A connection to a terminal session. One thread may read while another writes. Destroying it lets go of the
/// session, which lives on.
class Terminal {
 public:
  explicit Terminal(std::unique_ptr<detail::TerminalLine> line);
  ~Terminal();
  Terminal(Terminal&&) noexcept;
  Terminal& operator=(Terminal&&) noexcept;

  const std::string& session_id() const;
  /// Some output; nothing after `timeout`, or when the shell has ended (see ended()). Throws `unreachable`
  /// when the connection broke (the session lives on: connect again with `since` = offset()), conflict when
  /// another client took it.
  std::optional<TerminalOutput> read(Milliseconds timeout = Milliseconds::max(), std::stop_token stop = {});
  /// Read and drop the rest; gives the exit status of the shell, -1 if a signal ended it.
  int wait(std::stop_token stop = {});
  /// Type something. Throws `unreachable`.
  void write(std::string_view data, std::stop_token stop = {});
  /// Tell the terminal its size, at least 1 each.
  void resize(uint16_t columns, uint16_t rows, std::stop_token stop = {});
  /// Send a signal to what runs in the foreground: SIGINT, SIGTERM, SIGKILL, SIGQUIT or SIGHUP.
  void signal(const std::string& name, std::stop_token stop = {});
  /// End of input: on pipes for good, in a terminal as Ctrl-D does.
  void end_input(std::stop_token stop = {});

  bool ended() const;
  std::optional<int> exit_code() const;
  /// Number of the next byte of output in the session: for TerminalOptions::since.
  uint64_t offset() const;
  /// "holder" or "viewer"; empty before the daemon said so.
  const std::string& role() const;

 private:
  std::unique_ptr<detail::TerminalLine> line_;
};

/// Terminal sessions; `sandbox.terminals()`. A light handle, to be copied freely. Thread-safe.
///
///     auto terminal = sandbox.terminals().open("echo $TERM; exit 3");
///     while (auto output = terminal.read()) std::cout << output->data;
///     terminal.exit_code();   // 3
class Terminals {
 public:
  /// Make a session and connect to it. An empty command is an interactive shell.
  Terminal open(const std::string& command = {}, const std::string& working_directory = {},
                const TerminalOptions& options = {}, std::stop_token stop = {}) const;
  /// Make a session; its shell starts when the first client connects. Gives its id.
  std::string create(const std::string& command = {}, const std::string& working_directory = {},
                     std::stop_token stop = {}) const;
  /// Throws conflict when another client holds it.
  Terminal connect(const std::string& session_id, const TerminalOptions& options = {},
                   std::stop_token stop = {}) const;
  TerminalInfo info(const std::string& session_id, std::stop_token stop = {}) const;
  /// End a session: its shell and everything that it started.
  void remove(const std::string& session_id, std::stop_token stop = {}) const;

  explicit Terminals(std::shared_ptr<detail::Link> link) : link_(std::move(link)) {}

 private:
  std::shared_ptr<detail::Link> link_;
};

}  // namespace opensandbox
