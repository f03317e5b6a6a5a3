// The course of every life of the daemon, PID 1 of a sandbox or stand-alone: it serves; the preStart hook
// runs, then the entrypoint starts, then the periodic hooks; at the end requests come first, then processes,
// whose streams may still say how they ended.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "execd/daemon.h"
#include "execd/entrypoint.h"
#include "execd/hooks.h"
#include "execd/lifecycle.h"
#include "execd/reaper.h"
#include "net/loop.h"

namespace osb::execd {

struct LifeOptions {
  DaemonOptions daemon;
  std::optional<std::vector<std::string>> entrypoint;  // the program that is wrapped: its end is ours
  std::chrono::milliseconds grace{200};                // how long requests may go on at the end
};

class Life {
 public:
  // Hears once how the start went; null: well. A failed start ends us.
  using Started = std::function<void(const Error* failure)>;

  // `loop` and `reaper` outlive us.
  Life(net::Loop& loop, Reaper& reaper, LifeOptions options);
  Life(const Life&) = delete;

  // Accepts connections when it returns. Throws Error.
  void listen();
  uint16_t port() const { return daemon_->port(); }
  // The hooks and the entrypoint, on the loop.
  void start(Lifecycle lifecycle, Started started = {});
  // For the entrypoint; where none runs, SIGTERM and SIGINT end us.
  void signal(int number);
  // Stops the loop after at most the grace time and a few seconds.
  void end(int code);
  // That of the process, when the loop has stopped.
  int exit_code() const { return exit_code_; }

 private:
  net::task<> begin(Lifecycle lifecycle, Started started);
  net::task<> initialise(InitRequest init);
  net::task<> shut_down(int code);

  net::Loop& loop_;
  std::chrono::milliseconds grace_;
  Hooks hooks_;
  std::optional<Entrypoint> entrypoint_;
  std::unique_ptr<Daemon> daemon_;
  int exit_code_ = 0;
  bool starting_ = true, ending_ = false;
};

}  // namespace osb::execd
