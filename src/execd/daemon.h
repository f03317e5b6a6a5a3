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
#include "execd/executions.h"
#include "execd/metrics.h"
#include "execd/reaper.h"
#include "execd/retries.h"
#include "execd/session/sessions.h"
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
  ExecutionLimits executions;  // what is kept of them for clients that come back
  // Where clients look for a Jupyter server before they call code execution ready: connections are accepted
  // and closed there, unless somebody else listens. 0: nowhere.
  uint16_t jupyter_port = 0;
};

class Daemon {
 public:
  Daemon(net::asio::any_io_executor executor, Reaper& reaper, DaemonOptions options);
  Daemon(const Daemon&) = delete;
  ~Daemon();

  // Accepts connections when it returns. Throws Error.
  void listen();
  uint16_t port() const { return port_; }
  Commands& commands() { return commands_; }
  // Lets running requests end for `grace`.
  net::task<> stop(std::chrono::milliseconds grace);

 private:
  void register_routes();
  void listen_for_jupyter_checks();
  net::task<> handle(http::Request& request, http::ResponseWriter& response);
  bool may_enter(const http::Request& request) const;

  net::asio::any_io_executor executor_;
  DaemonOptions options_;
  Executions executions_;
  Retries retries_;
  Commands commands_;
  Sessions sessions_;
  CodeContexts contexts_;
  MetricsSampler metrics_;
  http::Router router_;
  std::unique_ptr<http::Server> server_;
  std::shared_ptr<net::Listener> jupyter_;
  uint16_t port_ = 0;
};

}  // namespace osb::execd
