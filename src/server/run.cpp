#include "server/run.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/signalfd.h>

#include "base/fd.h"
#include "base/log.h"
#include "net/listener.h"
#include "net/loop.h"
#include "net/timer.h"
#include "server/app.h"

namespace osb::server {

namespace {

constexpr std::chrono::seconds kGrace{5};

// SIGTERM and SIGINT as a descriptor; the mask of before comes back at the end.
class EndSignals {
 public:
  EndSignals() {
    sigset_t set;
    ::sigemptyset(&set);
    ::sigaddset(&set, SIGTERM);
    ::sigaddset(&set, SIGINT);
    ::pthread_sigmask(SIG_BLOCK, &set, &before_);
    fd_ = Fd(check(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK), "watching for signals"));
  }
  ~EndSignals() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  EndSignals(const EndSignals&) = delete;

  int fd() const { return fd_.get(); }
  // Which one came; taken off the queue, so that it does not strike when the mask is restored.
  int take() {
    signalfd_siginfo info{};
    return ::read(fd_.get(), &info, sizeof info) == sizeof info ? static_cast<int>(info.ssi_signo) : 0;
  }

 private:
  sigset_t before_;
  Fd fd_;
};

void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

net::task<> end_on_signal(net::Loop& loop, App& app, EndSignals& signals) {
  net::Readable readable(loop.executor(), signals.fd());
  co_await readable.wait();
  log_info("ending", {{"signal", signals.take() == SIGINT ? "SIGINT" : "SIGTERM"}});
  co_await app.stop(kGrace);
  loop.stop();
}

void serve(const ServerConfig& config, const ServerParts& parts) {
  check_exposure(config);
  ::signal(SIGPIPE, SIG_IGN);
  EndSignals signals;
  raise_descriptor_limit();

  net::Loop loop;
  auto listener = net::listen_tcp(loop.executor(), config.listen_host, config.listen_port);
  uint16_t port = listener->port();
  store::Database database(parts.database_path);
  if (parts.before_serving) parts.before_serving();

  auto runtime = parts.make_runtime(loop.executor());
  App app(loop.executor(), config, database, *runtime);
  app.serve(std::move(listener));
  net::spawn(loop.executor(), "recovery", app.recover());
  net::spawn(loop.executor(), "signals", end_on_signal(loop, app, signals));
  log_info("listening", {{"address", config.listen_host},
                         {"port", port},
                         {"runtime", runtime->name()},
                         {"isolation", runtime->isolation()},
                         {"key", !config.api_key.empty()},
                         {"config", config.config_file}});
  loop.run();
}

}  // namespace

int run_server(const ServerConfig& config, const ServerParts& parts) {
  configure_log(config.log_level, 2, "server");
  try {
    serve(config, parts);
    return 0;
  } catch (const std::exception& e) {
    log_error("the server cannot run", {{"error", e.what()}});
  }
  return 1;
}

}  // namespace osb::server
