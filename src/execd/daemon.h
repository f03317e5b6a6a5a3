// The daemon: its listeners, the token check in front of every route, and the services behind them
// (services.h). It knows nothing of PID 1; init.h does.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>

#include "execd/reaper.h"
#include "execd/services.h"
#include "execd/telemetry/otlp_exporter.h"
#include "http/server.h"

namespace osb::execd {

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
  // Tells shells that their terminals go away, and returns when all have ended, or after `limit`.
  net::task<> hang_up(std::chrono::milliseconds limit);
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
