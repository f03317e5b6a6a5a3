#include "execd/init.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <optional>
#include <utility>

#include "base/log.h"
#include "execd/boot_environment.h"
#include "execd/daemon.h"
#include "execd/privacy.h"
#include "execd/signals.h"
#include "net/loop.h"

namespace osb::execd {
namespace {

constexpr size_t kConfigBytes = 16 * 1024 * 1024;

std::string read_to_end(Fd fd) {
  std::string out;
  char buffer[16 * 1024];
  while (true) {
    ssize_t n = ::read(fd.get(), buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (check(n, "reading the boot configuration") == 0) return out;
    out.append(buffer, static_cast<size_t>(n));
    if (out.size() > kConfigBytes)
      throw Error(ErrorCode::too_large, "reading the boot configuration: it does not end");
  }
}

// The one report that the runtime waits for.
class Report {
 public:
  explicit Report(int fd) : fd_(fd) { ::fcntl(fd, F_SETFD, FD_CLOEXEC); }
  void send(char kind, std::string_view text = {}) {
    if (!fd_) return;
    std::string message(1, kind);
    message += text.substr(0, 4000);
    if (::write(fd_.get(), message.data(), message.size()) < 0)
      log_error("nobody listens to the boot report");
    fd_.reset();
  }

 private:
  Fd fd_;
};

DaemonOptions daemon_options(const api::BootConfig& config, uint64_t open_files) {
  DaemonOptions options;
  options.port = api::kExecdPort;
  options.token = config.access_token;
  options.commands.environment = base_environment(config.env);
  options.commands.cwd = config.cwd.empty() ? "/" : config.cwd;
  options.commands.oom_score_adj = kWorkloadOomScore;
  options.commands.open_files = open_files;
  options.strip_line_terminators = config.strip_line_terminators;
  options.metrics = {true, config.cpu_millis, config.memory_bytes, {}};
  options.jupyter_port = jupyter_port(options.commands.environment);
  options.executions = execution_limits(options.commands.environment);
  options.pty = pty_options(options.commands.environment);
  return options;
}

sys::ChildSpec entrypoint_spec(const api::BootConfig& config, const CommandDefaults& defaults) {
  sys::ChildSpec spec;
  spec.program = config.entrypoint.front();
  spec.argv = config.entrypoint;
  spec.env = to_strings(defaults.environment);
  spec.cwd = defaults.cwd;
  spec.fds = {{1, 1}, {2, 2}};
  spec.oom_score_adj = defaults.oom_score_adj;
  spec.open_files = defaults.open_files;
  return spec;
}

// What ends the sandbox, and whom signals are for.
struct Sandbox {
  net::Loop& loop;
  std::optional<pid_t> entrypoint;
  int exit_code = 0;

  void end(int code) {
    exit_code = code;
    loop.stop();
  }
  void start(Reaper& reaper, const sys::ChildSpec& spec) {
    entrypoint = reaper
                     .start(spec,
                            [this](sys::ExitStatus status) {
                              entrypoint.reset();
                              end(status.signal != 0 ? 128 + status.signal : status.code);
                            })
                     .pid;
  }
  void obey(int signal, pid_t sender) {
    if (sender != 0) return;
    // The entrypoint has not been reaped yet, so its pid is still its own.
    if (entrypoint)
      ::kill(*entrypoint, signal);
    else if (signal == SIGTERM || signal == SIGINT)
      end(0);
  }
};

// A start that fails for what the request asked for is told apart from one that fails for us.
bool start_entrypoint(const api::BootConfig& config, const CommandDefaults& defaults, Sandbox& sandbox,
                      Reaper& reaper, Report& report) {
  if (config.entrypoint.empty()) return true;
  try {
    sandbox.start(reaper, entrypoint_spec(config, defaults));
    return true;
  } catch (const Error& error) {
    if (error.code() != ErrorCode::not_found && error.code() != ErrorCode::invalid) throw;
    report.send('E', error.message());
    return false;
  }
}

int run(const api::BootConfig& config, Report& report, const char* version) {
  Signals signals({SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH});
  net::Loop loop;
  Reaper reaper(loop.executor());
  DaemonOptions options = daemon_options(config, raise_open_file_limit());
  CommandDefaults defaults = options.commands;
  set_metrics_export(options, config.env, version);
  Daemon daemon(loop.executor(), reaper, std::move(options));
  daemon.listen();
  Sandbox sandbox{loop, {}, 0};
  if (!start_entrypoint(config, defaults, sandbox, reaper, report)) return 1;
  report.send('R');
  signals.listen(loop.executor(), [&sandbox](int signal, pid_t sender) { sandbox.obey(signal, sender); });
  loop.run();
  return sandbox.exit_code;
}

}  // namespace

bool is_sandbox_init() {
  return ::getpid() == 1 && ::fcntl(api::kBootConfigFd, F_GETFD) >= 0 &&
         ::fcntl(api::kBootReportFd, F_GETFD) >= 0;
}

int run_sandbox_init(const char* version) {
  close_own_process();
  ::signal(SIGPIPE, SIG_IGN);
  Report report(api::kBootReportFd);
  int exit_code = 1;
  try {
    api::BootConfig config = api::parse_boot_config(read_to_end(Fd(api::kBootConfigFd)));
    exit_code = run(config, report, version);
  } catch (const std::exception& error) {
    log_error("the sandbox ends", {{"error", error.what()}});
    report.send('F', error.what());
  }
  ::kill(-1, SIGKILL);  // the end of PID 1 does it too; this way nobody outlives the exit code
  return exit_code;
}

}  // namespace osb::execd
