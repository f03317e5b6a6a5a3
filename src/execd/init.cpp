#include "execd/init.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <memory>
#include <optional>
#include <utility>

#include "base/log.h"
#include "execd/boot_environment.h"
#include "execd/life.h"
#include "execd/privacy.h"
#include "execd/signals.h"
#include "net/loop.h"
#include "net/timer.h"

namespace osb::execd {
namespace {

constexpr size_t kConfigBytes = 16 * 1024 * 1024;
// The runtime waits about twice as long for the report.
constexpr std::chrono::seconds kReportTime{5};

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

DaemonOptions daemon_options(const api::BootConfig& config, const char* version) {
  DaemonOptions options;
  options.port = api::kExecdPort;
  options.token = config.access_token;
  options.commands.environment = base_environment(config.env);
  options.commands.cwd = config.cwd.empty() ? "/" : config.cwd;
  options.commands.oom_score_adj = kWorkloadOomScore;
  options.commands.open_files = raise_open_file_limit();
  options.strip_line_terminators = config.strip_line_terminators;
  options.metrics = {true, config.cpu_millis, config.memory_bytes, {}};
  options.jupyter_port = jupyter_port(options.commands.environment);
  options.executions = execution_limits(options.commands.environment);
  options.pty = pty_options(options.commands.environment);
  set_metrics_export(options, config.env, version);
  return options;
}

LifeOptions life_options(const api::BootConfig& config, const char* version) {
  LifeOptions out{daemon_options(config, version), {}, grace_time(config.env)};
  if (!config.entrypoint.empty()) out.entrypoint = config.entrypoint;
  return out;
}

// Whose fault a failed start is: what the request asked for is told apart from what we could not do.
char kind_of(const Error& failure) {
  switch (failure.code()) {
    case ErrorCode::not_found:
    case ErrorCode::invalid:
    case ErrorCode::timeout:  // of a hook
      return 'E';
    default:
      return failure.wire() == kHookFailed ? 'E' : 'F';
  }
}

// A sandbox is ready when its entrypoint runs. A preStart hook that takes long does not hold the report
// back: the runtime would give the sandbox up.
net::task<> report_in_time(std::shared_ptr<net::Event> started, Report* report) {
  if (!co_await started->wait_for(kReportTime)) report->send('R');
}

void start(Life& life, Lifecycle lifecycle, Report& report, net::Loop& loop) {
  auto started = std::make_shared<net::Event>(loop.executor());
  life.start(std::move(lifecycle), [&report, started](const Error* failure) {
    if (failure)
      report.send(kind_of(*failure), failure->message());
    else
      report.send('R');
    started->notify();
  });
  net::spawn(loop.executor(), "boot report", report_in_time(started, &report));
}

// nullopt, and reported, for hooks that are not understood.
std::optional<Lifecycle> hooks_of(const api::BootConfig& config, Report& report) {
  try {
    return lifecycle_of(config.env);
  } catch (const Error& error) {
    report.send('E', error.message());
    return std::nullopt;
  }
}

int run(const api::BootConfig& config, Report& report, const char* version) {
  Signals signals({SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH});
  net::Loop loop;
  Reaper reaper(loop.executor());
  std::optional<Lifecycle> lifecycle = hooks_of(config, report);
  if (!lifecycle) return 1;
  Life life(loop, reaper, life_options(config, version));
  life.listen();
  signals.listen(loop.executor(), [&life](int signal, pid_t sender) {
    if (sender == 0) life.signal(signal);
  });
  start(life, std::move(*lifecycle), report, loop);
  loop.run();
  return life.exit_code();
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
