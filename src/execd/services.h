// Everything that routes lead to, put together from options that are final: all that a client can ask for but
// whether the daemon is there and whose it is.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "execd/code/contexts.h"
#include "execd/command/command_routes.h"
#include "execd/executions.h"
#include "execd/metrics.h"
#include "execd/port_proxy.h"
#include "execd/pty/pty_sessions.h"
#include "execd/reaper.h"
#include "execd/retries.h"
#include "execd/runtime_init.h"
#include "execd/session/sessions.h"
#include "execd/telemetry/otlp_config.h"
#include "execd/telemetry/telemetry.h"

namespace osb::execd {

// What connections may cost the daemon. Of the descriptors that it may open, connections get three quarters.
http::Limits daemon_limits();

struct DaemonOptions {
  // The first must be there; the others are tried (a machine without IPv6 has no "::").
  std::vector<std::string> addresses = {"0.0.0.0", "::"};
  uint16_t port = 44772;  // 0: any
  std::string token;      // empty: no token is asked for
  http::Limits http = daemon_limits();
  CommandDefaults commands;
  bool strip_line_terminators = false;
  MetricsOptions metrics;
  ExecutionLimits executions;  // what is kept of them for clients that come back
  PtyOptions pty;
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

class Services {
 public:
  // `options` and `reaper` outlive us. `own_port` tells where the daemon listens.
  Services(net::asio::any_io_executor executor, Reaper& reaper, const DaemonOptions& options,
           std::function<uint16_t()> own_port);
  ~Services();
  Services(const Services&) = delete;

  const http::Router& router() const { return router_; }
  Commands& commands() { return commands_; }
  PtySessions& ptys() { return ptys_; }
  Telemetry& telemetry() { return telemetry_; }

 private:
  void register_routes();

  const DaemonOptions& options_;
  Executions executions_;
  Retries retries_;
  Commands commands_;
  Sessions sessions_;
  CodeContexts contexts_;
  PtySessions ptys_;
  MetricsSampler metrics_;
  Telemetry telemetry_;
  PortProxy proxy_;
  http::Router router_;
};

}  // namespace osb::execd
