#include "execd/standalone.h"

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <exception>
#include <utility>

#include "base/log.h"
#include "execd/boot_environment.h"
#include "execd/daemon.h"
#include "execd/privacy.h"
#include "execd/signals.h"
#include "net/loop.h"

namespace osb::execd {
namespace {

constexpr std::chrono::milliseconds kGrace{2000};

std::string working_directory() {
  char* path = ::get_current_dir_name();
  std::string out = path ? path : "/";
  ::free(path);
  return out;
}

DaemonOptions daemon_options(const StandaloneOptions& given) {
  DaemonOptions options;
  Environment environment = from_strings(environ);
  if (!given.address.empty()) options.addresses = {given.address};
  options.port = given.port;
  options.token = given.token.empty() ? environment["EXECD_ACCESS_TOKEN"] : given.token;
  options.commands.environment = base_environment(std::move(environment));
  options.commands.cwd = working_directory();
  options.commands.oom_score_adj = kWorkloadOomScore;
  options.commands.open_files = raise_open_file_limit();
  options.jupyter_port = jupyter_port(options.commands.environment);
  options.executions = execution_limits(options.commands.environment);
  return options;
}

net::task<> stop(Daemon& daemon, net::Loop& loop) {
  co_await daemon.stop(kGrace);
  loop.stop();
}

int run(const StandaloneOptions& given) {
  Signals signals({SIGTERM, SIGINT});
  net::Loop loop;
  Reaper reaper(loop.executor());
  Daemon daemon(loop.executor(), reaper, daemon_options(given));
  daemon.listen();
  log_info("listening", {{"port", daemon.port()}});
  signals.listen(loop.executor(),
                 [&](int, pid_t) { net::spawn(loop.executor(), "stop", stop(daemon, loop)); });
  loop.run();
  return 0;
}

}  // namespace

int run_standalone(StandaloneOptions options) {
  close_own_process();
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  ::signal(SIGPIPE, SIG_IGN);
  try {
    return run(options);
  } catch (const std::exception& error) {
    log_error("execd cannot start", {{"error", error.what()}});
    return 1;
  }
}

}  // namespace osb::execd
