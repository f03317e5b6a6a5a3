#include "execd/session/session.h"

#include <errno.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "execd/event.h"
#include "execd/process_tree.h"
#include "execd/session/run_processes.h"

namespace osb::execd {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr const char* kErrorName = "CommandExecError";
constexpr milliseconds kLongest = std::chrono::hours(24 * 365);
// After its programs were killed: time for the shell to write down its state and go.
constexpr milliseconds kLastWords{1000};
constexpr milliseconds kKillAgain{50};
constexpr milliseconds kKillTime{5000};
constexpr size_t kMaxLeftBehind = 256;

bool is_directory(const std::string& path) {
  struct stat info;
  return ::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

bool is_gone(const Fd& process) {
  return ::syscall(SYS_pidfd_send_signal, process.get(), 0, nullptr, 0) != 0 && errno == ESRCH;
}

std::string stopped_event(const std::string& why) { return error_event(kErrorName, "-1", {why}); }

// The last event of a run, and before an error what code contexts send there.
void append_ending(const SessionRun& run, const std::string& terminal_event) {
  Journal& journal = *run.execution->journal;
  if (run.of_context && is_error_event(terminal_event)) journal.append(status_event("error"));
  journal.append(terminal_event);
  journal.close();
}

}  // namespace

// The run whose turn it is.
struct Session::Current {
  SessionRun run;
  Clock::time_point started = Clock::now();
  RunStart start;
  std::vector<std::shared_ptr<OutputRecord>> records;
  Stop stop = Stop::none;
  bool ending = false;  // its last output is on its way

  const std::string& id() const { return run.execution->id; }
  Journal& journal() const { return *run.execution->journal; }
};

Session::Session(net::asio::any_io_executor executor, Reaper& reaper, const CommandDefaults& defaults,
                 std::string id, std::string cwd)
    : executor_(executor),
      reaper_(reaper),
      defaults_(defaults),
      id_(std::move(id)),
      cwd_(std::move(cwd)),
      changed_(executor) {}

Session::~Session() {
  if (shell_) shell_->kill();
}

void Session::open() {
  try {
    start_shell();
  } catch (const Error& error) {
    if (error.code() != ErrorCode::not_found) throw;
    throw Error(ErrorCode::unsupported, "creating a session: there is no shell here: " + error.message(),
                "NOT_SUPPORTED");
  }
}

void Session::start_shell() {
  Environment environment = command_environment(defaults_.environment, {});
  sys::ChildSpec child;
  child.env = to_strings(environment);
  child.cwd = is_directory(cwd_) ? cwd_ : defaults_.cwd;
  child.oom_score_adj = defaults_.oom_score_adj;
  child.open_files = defaults_.open_files;
  std::weak_ptr<Session> weak = weak_from_this();
  Shell::Listener listener;
  listener.report = [weak](ShellReport report) {
    if (auto self = weak.lock()) self->reported(std::move(report));
  };
  listener.exit = [weak](sys::ExitStatus status) {
    if (auto self = weak.lock()) self->exited(status);
  };
  shell_ = Shell::start(executor_, reaper_, find_shell(environment), std::move(child), std::move(listener));
  shell_->send(shell_setup(shell_->kind(), state_));
  applied_ = state_.empty() ? std::move(environment) : state_applied_;
}

// -- runs

void Session::check_room() const {
  if (waiting_.size() >= kWaitingRuns)
    throw Error(ErrorCode::exhausted, "running in session " + id_ + ": too many runs wait for their turn");
}

void Session::run(SessionRun run) {
  if (!run.of_context) run.execution->journal->append(init_event(id_, run.execution->id));
  waiting_.push_back(std::move(run));
  next();
}

void Session::next() {
  while (!current_ && !closing_ && !waiting_.empty()) {
    SessionRun run = std::move(waiting_.front());
    waiting_.pop_front();
    begin(std::move(run));
  }
}

void Session::begin(SessionRun run) {
  current_ = std::make_shared<Current>(Current{std::move(run)});
  const SessionRun& wanted = current_->run;
  try {
    if (!shell_) start_shell();
  } catch (const Error& error) {
    finish(stopped_event(error.message()), nullptr);
    return;
  }
  auto allowance = std::make_shared<OutputAllowance>(wanted.allowance);
  shell_->read_into(consumer(OutputKind::out, allowance), consumer(OutputKind::err, allowance));
  current_->journal().on_drain([weak = std::weak_ptr(shell_)] {
    if (auto shell = weak.lock()) shell->resume();
  });
  current_->start = run_start(shell_->pid());
  shell_->send(shell_run(shell_->kind(), {current_->id(), wanted.command, wanted.cwd, changed_variables()}));
  if (wanted.timeout.count() > 0)
    net::spawn(executor_, "session time limit",
               watch_time(shared_from_this(), current_->id(), std::min(wanted.timeout, kLongest)));
}

OutputReader::Consumer Session::consumer(OutputKind kind, std::shared_ptr<OutputAllowance> allowance) {
  auto record =
      std::make_shared<OutputRecord>(current_->run.execution->journal, kind, current_->run.terminators);
  current_->records.push_back(record);
  OutputReader::Consumer out;
  out.take = [record, allowance, journal = current_->run.execution->journal](std::string_view bytes,
                                                                             bool more) {
    OutputAllowance::Passed passed = allowance->take(bytes);
    record->take(passed.text, more && !passed.first_cut);
    if (passed.first_cut) journal->append(stderr_event(allowance->notice()));
  };
  out.congested = [record] { return record->congested(); };
  return out;
}

// What clients wrote into the EXECD_ENVS file since the shell saw it.
std::map<std::string, std::string> Session::changed_variables() {
  Environment environment = command_environment(defaults_.environment, {});
  std::map<std::string, std::string> out;
  for (const auto& [name, value] : environment) {
    auto known = applied_.find(name);
    if (is_shell_name(name) && (known == applied_.end() || known->second != value)) out[name] = value;
  }
  applied_ = std::move(environment);
  return out;
}

void Session::reported(ShellReport report) {
  if (report.kind == ShellReport::Kind::state) {
    state_ = std::move(report.state);
    state_applied_ = applied_;
    return;
  }
  if (!current_ || current_->ending || report.run != current_->id()) return;
  if (report.cwd.starts_with('/')) cwd_ = std::move(report.cwd);
  if (current_->stop != Stop::none) return;  // it ends with its shell
  finish(ending(report.exit_status, "exit status " + std::to_string(report.exit_status)), shell_);
}

std::string Session::ending(int exit_status, const std::string& text) const {
  if (exit_status != 0) return error_event(kErrorName, std::to_string(exit_status), {text});
  return execution_complete_event(
      std::chrono::duration_cast<milliseconds>(Clock::now() - current_->started).count());
}

// The terminal event goes out behind everything that was printed until now, as fast as the client takes it.
void Session::finish(std::string terminal_event, std::shared_ptr<Shell> shell) {
  current_->ending = true;
  auto done = [self = shared_from_this(), current = current_, shell, terminal_event] {
    for (auto& record : current->records) record->finish();
    append_ending(current->run, terminal_event);
    self->current_.reset();
    self->changed_.notify();
    self->next();
  };
  if (shell)
    shell->finish_output(done);
  else
    done();
}

std::string Session::ending_of_shell(sys::ExitStatus status) const {
  switch (current_->stop) {
    case Stop::timeout:
      return stopped_event("timeout after " + std::to_string(current_->run.timeout.count()) + " ms");
    case Stop::interrupt:
      if (current_->run.of_context)
        return error_event("KeyboardInterrupt", "the run was interrupted", {"the run was interrupted"});
      return stopped_event("signal: terminated");
    case Stop::close:
      return stopped_event("signal: killed");
    default:
      return ending(status.code, status.text());
  }
}

void Session::exited(sys::ExitStatus status) {
  std::shared_ptr<Shell> shell = std::exchange(shell_, nullptr);
  remember_processes(shell->pid());
  if (current_ && !current_->ending) finish(ending_of_shell(status), shell);
  changed_.notify();
}

// The number of the group stays taken while it has members.
void Session::remember_processes(pid_t group) {
  std::erase_if(left_behind_, is_gone);
  for (const ProcessStat& process : read_processes()) {
    if (process.group != group || left_behind_.size() >= kMaxLeftBehind) continue;
    Fd fd(static_cast<int>(::syscall(SYS_pidfd_open, process.pid, 0)));
    if (fd) left_behind_.push_back(std::move(fd));
  }
}

// -- stopping

bool Session::runs(const std::string& execution_id) const {
  return current_ && current_->id() == execution_id && !current_->ending;
}

net::task<> Session::watch_time(std::shared_ptr<Session> self, std::string execution_id, milliseconds limit) {
  if (!co_await wait_for_end(self, execution_id, limit))
    co_await stop_run(self, execution_id, Stop::timeout, milliseconds(0));
}

net::task<bool> Session::wait_for_end(std::shared_ptr<Session> self, std::string execution_id,
                                      milliseconds limit) {
  auto end = Clock::now() + limit;
  while (self->runs(execution_id)) {
    auto left = std::chrono::ceil<milliseconds>(end - Clock::now());
    if (left.count() <= 0 || !co_await self->changed_.wait_for(left)) co_return !self->runs(execution_id);
  }
  co_return true;
}

// First what the run started, then the shell: it acts on kStopSignal when it waits for nobody any more. A
// shell that still goes on is killed, with everything.
net::task<> Session::stop_run(std::shared_ptr<Session> self, std::string execution_id, Stop why,
                              milliseconds patience) {
  if (!self->runs(execution_id)) co_return;
  std::shared_ptr<Shell> shell = self->shell_;
  RunStart start = self->current_->start;
  if (self->current_->stop == Stop::none) self->current_->stop = why;
  shell->ask_to_stop();
  if (patience.count() > 0) {
    signal_run_processes(shell->pid(), start, self->current_->run.of_context ? SIGINT : SIGTERM);
    if (co_await wait_for_end(self, execution_id, patience)) co_return;
  }
  for (auto end = Clock::now() + kLastWords; Clock::now() < end && shell->pid() > 0;) {
    signal_run_processes(shell->pid(), start, SIGKILL);
    if (co_await wait_for_end(self, execution_id, kKillAgain)) co_return;
  }
  shell->kill();
  co_await wait_for_end(self, execution_id, kKillTime);
}

bool Session::drop_waiting(const std::string& execution_id) {
  auto found =
      std::ranges::find(waiting_, execution_id, [](const SessionRun& run) { return run.execution->id; });
  if (found == waiting_.end()) return false;
  SessionRun run = std::move(*found);
  waiting_.erase(found);
  append_ending(run, stopped_event("signal: terminated"));
  return true;
}

net::task<bool> Session::interrupt(std::string execution_id, milliseconds patience) {
  auto self = shared_from_this();
  if (drop_waiting(execution_id)) co_return true;
  if (!runs(execution_id)) co_return false;
  co_await stop_run(self, execution_id, Stop::interrupt, patience);
  co_return true;
}

void Session::kill() {
  closing_ = true;
  while (!waiting_.empty()) drop_waiting(std::string(waiting_.front().execution->id));
  if (current_ && current_->stop == Stop::none) current_->stop = Stop::close;
  for (const Fd& process : left_behind_) ::syscall(SYS_pidfd_send_signal, process.get(), SIGKILL, nullptr, 0);
  if (shell_) shell_->kill();
}

net::task<> Session::close() {
  auto self = shared_from_this();
  kill();
  for (auto end = Clock::now() + kKillTime; shell_;) {
    auto left = std::chrono::ceil<milliseconds>(end - Clock::now());
    if (left.count() <= 0 || !co_await changed_.wait_for(left)) co_return;
  }
}

}  // namespace osb::execd
