#include "execd/standalone.h"

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <exception>
#include <optional>
#include <utility>

#include "base/log.h"
#include "execd/boot_environment.h"
#include "execd/clone3_compat.h"
#include "execd/daemon.h"
#include "execd/descendants.h"
#include "execd/entrypoint.h"
#include "execd/hooks.h"
#include "execd/log_writer.h"
#include "execd/privacy.h"
#include "execd/signals.h"
#include "net/loop.h"

namespace osb::execd {
namespace {

using std::chrono::milliseconds;

// What is killed at the end gets this long to go by itself, and then its streams to say so.
constexpr milliseconds kPatience{3000};
constexpr milliseconds kLastWords{200};
constexpr milliseconds kRestartPatience{10000};

std::string working_directory() {
  char* path = ::get_current_dir_name();
  std::string out = path ? path : "/";
  ::free(path);
  return out;
}

DaemonOptions daemon_options(const StandaloneOptions& given) {
  DaemonOptions options;
  if (!given.address.empty()) options.addresses = {given.address};
  options.port = given.port;
  options.token = given.token;
  options.commands.environment = base_environment(given.environment);
  options.commands.cwd = working_directory();
  options.commands.oom_score_adj = kWorkloadOomScore;
  options.commands.open_files = raise_open_file_limit();
  options.jupyter_port = jupyter_port(options.commands.environment);
  options.metrics.own_processes = ::getpid() == 1;
  options.wait_for_init = given.wait_for_init;
  set_metrics_export(options, given.environment, given.program_version);
  options.executions = execution_limits(options.commands.environment);
  options.pty = pty_options(options.commands.environment);
  return options;
}

class Standalone {
 public:
  explicit Standalone(const StandaloneOptions& given);
  int run();

 private:
  net::task<> begin(Lifecycle lifecycle);
  net::task<> initialise(InitRequest init);
  net::task<> shut_down(int code);
  void end(int code);
  void obey(int signal);

  const StandaloneOptions& given_;
  Signals signals_{{SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH}};
  net::Loop loop_;
  Reaper reaper_{loop_.executor()};
  DaemonOptions options_;
  Hooks hooks_;
  std::optional<Entrypoint> entrypoint_;
  std::unique_ptr<Daemon> daemon_;
  int exit_code_ = 0;
  bool starting_ = true, ending_ = false;
};

Standalone::Standalone(const StandaloneOptions& given)
    : given_(given), options_(daemon_options(given)), hooks_(loop_.executor(), reaper_, options_.commands) {
  if (given.wrap)
    entrypoint_.emplace(loop_.executor(), reaper_, entrypoint_command(given.command, given.environment),
                        options_.commands, [this](int code) { end(code); });
  options_.on_init = [this](InitRequest init) { return initialise(std::move(init)); };
  daemon_ = std::make_unique<Daemon>(loop_.executor(), reaper_, options_);
}

int Standalone::run() {
  Lifecycle lifecycle = lifecycle_of(given_.environment);
  daemon_->listen();
  log_info("listening", {{"port", daemon_->port()}, {"version", given_.program_version}});
  signals_.listen(loop_.executor(), [this](int signal, pid_t) { obey(signal); });
  net::spawn(loop_.executor(), "start", begin(std::move(lifecycle)));
  loop_.run();
  return exit_code_;
}

// The hook before the entrypoint, the entrypoint, the hooks beside it.
net::task<> Standalone::begin(Lifecycle lifecycle) {
  int code = 0;
  try {
    if (lifecycle.pre_start) co_await hooks_.run(*lifecycle.pre_start, "preStart");
    if (entrypoint_ && !ending_) entrypoint_->start();
  } catch (const Error& error) {
    log_error("the start failed", {{"error", error.message()}});
    code = entrypoint_ ? exit_code_of(error) : 1;
  }
  starting_ = false;
  if (code != 0) co_return end(code);
  hooks_.start_periodic(lifecycle.periodic);
}

net::task<> Standalone::initialise(InitRequest init) {
  hooks_.add_environment(init.envs);
  if (entrypoint_) entrypoint_->add_environment(init.envs);
  if (init.lifecycle.pre_start) co_await hooks_.run(*init.lifecycle.pre_start, "preStart");
  if (!init.lifecycle.empty()) hooks_.start_periodic(init.lifecycle.periodic);
  if (init.restart_entrypoint && entrypoint_) co_await entrypoint_->restart(kRestartPatience);
}

// Requests first, then processes, whose streams may still say how they ended.
net::task<> Standalone::shut_down(int code) {
  exit_code_ = code;
  co_await daemon_->drain(given_.grace);
  co_await end_descendants(kPatience);
  co_await daemon_->stop(kLastWords);
  loop_.stop();
}

void Standalone::end(int code) {
  if (std::exchange(ending_, true)) return;
  net::spawn(loop_.executor(), "end", shut_down(code));
}

void Standalone::obey(int signal) {
  bool stop = signal == SIGTERM || signal == SIGINT;
  if (entrypoint_ && !starting_) return entrypoint_->forward(signal);
  if (!stop) return;
  hooks_.kill_running();
  end(entrypoint_ ? 128 + signal : 0);
}

}  // namespace

int run_standalone(StandaloneOptions options) {
  close_own_process();
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  ::signal(SIGPIPE, SIG_IGN);
  std::optional<LogWriter> log;
  int code = 1;
  try {
    if (options.clone3_compat) pretend_clone3_is_missing();
    log.emplace(options.log_outputs);
    redirect_log(&*log);
    code = Standalone(options).run();
  } catch (const std::exception& error) {
    log_error("execd cannot start", {{"error", error.what()}});
  }
  redirect_log(nullptr);
  return code;
}

}  // namespace osb::execd
