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
#include "execd/life.h"
#include "execd/lifecycle.h"
#include "execd/log_writer.h"
#include "execd/privacy.h"
#include "execd/signals.h"
#include "net/loop.h"

namespace osb::execd {
namespace {

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

LifeOptions life_options(const StandaloneOptions& given) {
  LifeOptions out{daemon_options(given), {}, given.grace};
  if (given.wrap) out.entrypoint = entrypoint_command(given.command, given.environment);
  return out;
}

// Hooks that are not understood end the start before anything is served.
int serve(const StandaloneOptions& given) {
  Signals signals({SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH});
  net::Loop loop;
  Reaper reaper(loop.executor());
  Lifecycle lifecycle = lifecycle_of(given.environment);
  Life life(loop, reaper, life_options(given));
  if (!given.isolation_config.empty())
    log_warn("isolated sessions are not offered: their configuration has no effect",
             {{"path", given.isolation_config}});
  life.listen();
  log_info("listening", {{"port", life.port()}, {"version", given.program_version}});
  signals.listen(loop.executor(), [&life](int signal, pid_t) { life.signal(signal); });
  life.start(std::move(lifecycle));
  loop.run();
  return life.exit_code();
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
    code = serve(options);
  } catch (const std::exception& error) {
    log_error("execd cannot start", {{"error", error.what()}});
  }
  redirect_log(nullptr);
  return code;
}

}  // namespace osb::execd
