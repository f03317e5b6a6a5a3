// A bash session: one shell that lives from run to run, so that variables, functions, options and the working
// directory stay. Runs take turns, in the order in which they were asked for.
//
// A shell that ends (exit, exec, a signal, a run that had to be stopped) ends its run, not the session: the
// next run gets a new shell with what the old one wrote down (shell_script.h). One that wrote nothing down
// leaves what its predecessor did, and the working directory after its last whole run. Everything runs on one
// loop.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/fd.h"
#include "execd/command/command_request.h"
#include "execd/executions.h"
#include "execd/line_splitter.h"
#include "execd/output_allowance.h"
#include "execd/session/shell.h"

namespace osb::execd {

struct SessionRun {
  std::string command;                   // without NUL
  std::string cwd;                       // absolute; empty: where the session is
  std::chrono::milliseconds timeout{0};  // from the moment it is its turn; 0: none
  OutputAllowance allowance;
  LineSplitter::Terminators terminators = LineSplitter::Terminators::keep;
  std::shared_ptr<Execution> execution;
  // Of a code context: its journal has the `init` event, an error comes behind a `status` event, and an
  // interrupt is SIGINT.
  bool of_context = false;
};

class Session : public std::enable_shared_from_this<Session> {
 public:
  static constexpr size_t kWaitingRuns = 100;

  // `cwd`: absolute; `defaults` and `reaper` outlive us.
  Session(net::asio::any_io_executor executor, Reaper& reaper, const CommandDefaults& defaults,
          std::string id, std::string cwd);
  ~Session();

  // Starts the first shell. Throws Error: unsupported where there is none.
  void open();
  const std::string& id() const { return id_; }
  const std::string& cwd() const { return cwd_; }  // after the last run
  bool busy() const { return current_ != nullptr || !waiting_.empty(); }

  // Throws Error(exhausted) when too many runs wait.
  void check_room() const;
  // The run's journal gets all events of its life.
  void run(SessionRun run);
  // Ends the run of that execution, when it waits or runs; false when it does neither. SIGTERM to what it
  // started (SIGINT in a code context), SIGKILL after `patience`; returns when it is gone.
  net::task<bool> interrupt(std::string execution_id, std::chrono::milliseconds patience);
  // Ends all runs, the shell and everything that was started in it. Returns when the shell is gone.
  net::task<> close();
  // The same without waiting, for destructors.
  void kill();

 private:
  struct Current;
  enum class Stop { none, timeout, interrupt, close };

  void next();
  void begin(SessionRun run);
  void start_shell();
  OutputReader::Consumer consumer(OutputKind kind, std::shared_ptr<OutputAllowance> allowance);
  void reported(ShellReport report);
  void exited(sys::ExitStatus status);
  void finish(std::string terminal_event, std::shared_ptr<Shell> shell);
  void remember_processes(pid_t group);
  std::string ending(int exit_status, const std::string& text) const;
  std::string ending_of_shell(sys::ExitStatus status) const;
  std::map<std::string, std::string> changed_variables();
  bool drop_waiting(const std::string& execution_id);
  static net::task<> watch_time(std::shared_ptr<Session> self, std::string execution_id,
                                std::chrono::milliseconds limit);
  static net::task<> stop_run(std::shared_ptr<Session> self, std::string execution_id, Stop why,
                              std::chrono::milliseconds patience);
  static net::task<bool> wait_for_end(std::shared_ptr<Session> self, std::string execution_id,
                                      std::chrono::milliseconds limit);
  bool runs(const std::string& execution_id) const;

  net::asio::any_io_executor executor_;
  Reaper& reaper_;
  const CommandDefaults& defaults_;
  std::string id_;
  std::string cwd_;
  std::string state_;          // what the last shell wrote down
  Environment applied_;        // the daemon's layers of the environment, as the shell has got them
  Environment state_applied_;  // as the shell that wrote the state had got them
  std::shared_ptr<Shell> shell_;
  std::vector<Fd> left_behind_;  // processes of shells that have ended; bounded
  std::deque<SessionRun> waiting_;
  std::shared_ptr<Current> current_;
  bool closing_ = false;
  net::Event changed_;  // a run or the shell has ended
};

}  // namespace osb::execd
