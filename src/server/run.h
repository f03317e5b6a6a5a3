// The lifecycle server as a program: one loop on the calling thread until SIGTERM or SIGINT. The sandboxes
// outlive it.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "net/task.h"
#include "runtime/runtime.h"
#include "server/config.h"

namespace osb::server {

struct ServerParts {
  // Called once on the server's thread, after before_serving(); the runtime lives as long as the loop.
  std::function<std::unique_ptr<runtime::Runtime>(net::asio::any_io_executor)> make_runtime;
  // Opened (and created) before before_serving(); nothing of it is opened by path afterwards.
  std::string database_path;
  // Called after the listening socket and the database are open and before any request is read: drop
  // privileges here. May be empty. What it throws ends the server.
  std::function<void()> before_serving;
};

// Returns the exit status: 0 after a signal, 1 when it could not start (the reason is logged).
// Blocks SIGTERM and SIGINT in the calling thread while it runs, and ignores SIGPIPE.
int run_server(const ServerConfig& config, const ServerParts& parts);

}  // namespace osb::server
