// The daemon: its listeners, the token check in front of every route, and the services behind them. It knows
// nothing of PID 1; init.h does.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "execd/code/contexts.h"
#include "execd/command/command_routes.h"
#include "execd/metrics.h"
#include "execd/port_proxy.h"
#include "execd/reaper.h"
#include "execd/runtime_init.h"
#include "execd/telemetry/otlp_exporter.h"
#include "http/server.h"

namespace osb::execd {

struct DaemonOptions {
  // The first must be there; the others are tried (a machine without IPv6 has no "::").
  std::vector<std::string> addresses = {"0.0.0.0", "::"};
  uint16_t port = 44772;  // 0: any
  std::string token;      // empty: no token is asked for
  CommandDefaults commands;
  bool strip_line_terminators = false;
  MetricsOptions metrics;
  // Where clients look for a Jupyter server before they call code execution ready: connections are accepted
  // and closed there, unless somebody else listens. 0: nowhere.
  uint16_t jupyter_port = 0;
  // Serve nothing before POST /internal/init (runtime_init.h); `on_init` runs before the daemon opens.
  bool wait_for_init = false;
  RuntimeInit::Apply on_init;
  std::string version;           // of the program, for exported metrics
  Attributes metric_attributes;  // on every metric
  std::optional<OtlpConfig> export_metrics;
};

// Everything that routes lead to, put together from options that are final.
class Services {
 public:
  Services(net::asio::any_io_executor executor, Reaper& reaper, const DaemonOptions& options,
           std::function<uint16_t()> own_port);
  Services(const Services&) = delete;

  const http::Router& router() const { return router_; }
  Commands& commands() { return commands_; }
  Telemetry& telemetry() { return telemetry_; }

 private:
  void register_routes();

  const DaemonOptions& options_;
  Commands commands_;
  CodeContexts contexts_;
  MetricsSampler metrics_;
  Telemetry telemetry_;
  PortProxy proxy_;
  http::Router router_;
};

class Daemon {
 public:
  Daemon(net::asio::any_io_executor executor, Reaper& reaper, DaemonOptions options);
  Daemon(const Daemon&) = delete;
  ~Daemon();

  // Accepts connections when it returns. Throws Error.
  void listen();
  uint16_t port() const { return port_; }
  // Not before init, where that is waited for.
  Commands& commands() { return services_->commands(); }
  // Stops accepting and lets running requests end for `grace`; further ones of theirs may still follow.
  net::task<> drain(std::chrono::milliseconds grace);
  // The same, then drops what is left, and exports metrics a last time.
  net::task<> stop(std::chrono::milliseconds grace);

 private:
  void open();
  void listen_for_jupyter_checks();
  net::task<> handle(http::Request& request, http::ResponseWriter& response);
  net::task<> apply_init(InitRequest init);
  bool may_enter(const http::Request& request) const;
  void count(const http::Request& request, int status, std::chrono::microseconds took);

  net::asio::any_io_executor executor_;
  Reaper& reaper_;
  DaemonOptions options_;
  RuntimeInit init_;
  std::unique_ptr<Services> services_;
  std::unique_ptr<OtlpExporter> exporter_;
  std::unique_ptr<http::Server> server_;
  std::shared_ptr<net::Listener> jupyter_;
  uint16_t port_ = 0;
};

}  // namespace osb::execd
