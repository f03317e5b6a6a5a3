// Commands and shell sessions in a sandbox.
#pragma once

#include <opensandbox/execution.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <variant>
#include <vector>

namespace opensandbox {

namespace detail {
struct Link;
}

/// How a command is run.
struct RunOptions {
  bool background = false;              ///< return when it has been started
  std::string working_directory;        ///< must exist; `~` and `$NAME` are expanded; empty: the daemon's
  std::optional<Milliseconds> timeout;  ///< it is killed after that time; not given: never
  std::map<std::string, std::string> env;
  std::optional<uint32_t> uid;  ///< run as that user
  std::optional<uint32_t> gid;  ///< needs uid; default: the group of the account
};

/// What became of a command.
struct CommandStatus {
  std::string id;
  std::string content;  ///< the command
  bool running = false;
  std::optional<int> exit_code;  ///< when it has ended
  std::string error;             ///< why it did not end well; empty otherwise
  std::optional<Time> started_at;
  std::optional<Time> finished_at;
};

/// Output of a background command from a cursor on.
struct CommandLogs {
  std::string content;            ///< stdout and stderr together
  std::optional<int64_t> cursor;  ///< for the next call; not given by every daemon
};

/// Runs commands; `sandbox.commands()`. A light handle, to be copied freely. Thread-safe.
///
/// All methods throw Error: `unreachable` or `timeout` when nothing answers, `cancelled` when `stop` was
/// asked to, and what the daemon says otherwise. Stopping a call does not end the command: use interrupt().
class Commands {
 public:
  /// Run a text by a shell, bash where there is one, and wait until it has ended.
  ///
  /// A broken connection is mended without losing output: the command goes on meanwhile.
  ///
  ///     auto run = sandbox.commands().run("make -j4", {.timeout = std::chrono::minutes(5)},
  ///                                       {.on_stdout = [](const auto& out) { std::cout << out.text; }});
  ///     if (run.exit_code != 0) std::cerr << run.stderr_text();
  ///
  /// A status other than 0 is no Error: see Execution::exit_code and Execution::error.
  Execution run(const std::string& command, const RunOptions& options = {}, const Handlers& handlers = {},
                std::stop_token stop = {}) const;
  /// Run a program with its arguments as they stand, without a shell.
  Execution run(const std::vector<std::string>& argv, const RunOptions& options = {},
                const Handlers& handlers = {}, std::stop_token stop = {}) const;

  /// Follow a run that another call, or another program, has begun: Execution::execution_id, and behind event
  /// number `after` (0: from the beginning). Throws not_found when it is not kept any more.
  Execution resume(const std::string& execution_id, uint64_t after = 0, const Handlers& handlers = {},
                   std::stop_token stop = {}) const;

  /// End a command with all its processes: SIGTERM, after three seconds SIGKILL.
  void interrupt(const std::string& execution_id, std::stop_token stop = {}) const;
  /// What became of a command; known for a day.
  CommandStatus status(const std::string& execution_id, std::stop_token stop = {}) const;
  /// What a background command has printed, from byte `cursor` on.
  CommandLogs logs(const std::string& execution_id, int64_t cursor = 0, std::stop_token stop = {}) const;

  /// Open a shell that lives from run to run; gives its id. `working_directory` is made if it is missing.
  std::string create_session(const std::string& working_directory = {}, std::stop_token stop = {}) const;
  /// Run a text in a session. Runs of one session take turns. Of the options only `working_directory` and
  /// `timeout` count.
  Execution run_in_session(const std::string& session_id, const std::string& command,
                           const RunOptions& options = {}, const Handlers& handlers = {},
                           std::stop_token stop = {}) const;
  /// End a session and all that was started in it.
  void delete_session(const std::string& session_id, std::stop_token stop = {}) const;

  /// Set a variable for all commands and sessions that are started from now on. Throws `failed` where the
  /// sandbox keeps no variables, invalid_argument for what is no name.
  void set_env(const std::string& name, const std::string& value, std::stop_token stop = {}) const;

  explicit Commands(std::shared_ptr<detail::Link> link) : link_(std::move(link)) {}

 private:
  std::shared_ptr<detail::Link> link_;
};

}  // namespace opensandbox
