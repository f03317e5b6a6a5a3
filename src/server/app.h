// The lifecycle server without the process around it: routes, guards and state on one loop. Tests drive it
// in-process.
#pragma once

#include <chrono>
#include <memory>

#include "net/listener.h"
#include "net/timer.h"
#include "runtime/runtime.h"
#include "server/routes.h"
#include "store/database.h"

namespace osb::server {

class App {
 public:
  // Everything given outlives this; the loop must not run any more when this is destroyed.
  App(net::asio::any_io_executor executor, const ServerConfig& config, store::Database& database,
      runtime::Runtime& runtime);
  ~App();
  App(const App&) = delete;

  void serve(std::unique_ptr<net::Listener> listener);
  // Takes over the journalled sandboxes; requests wait a little for that, then get 503.
  net::task<> recover();
  // Accepts nothing more, lets requests end for at most `grace`. Sandboxes stay.
  net::task<> stop(std::chrono::milliseconds grace);

  const Catalogue& catalogue() const { return catalogue_; }

 private:
  net::task<> handle(http::Request& request, http::ResponseWriter& response);
  net::task<> dispatch(http::Request& request, http::ResponseWriter& response);
  http::Router::Match find_route(http::Request& request, const http::Handler*& handler,
                                 std::string& allowed) const;
  net::task<> wait_until_ready();
  http::ServerOptions server_options() const;

  const ServerConfig& config_;
  store::SandboxStore store_;
  Catalogue catalogue_;
  Lifecycle lifecycle_;
  HostAddresses addresses_;
  http::Client backends_;
  bool ready_ = false;
  net::Event became_ready_;
  Context context_;
  http::Router router_;
  std::shared_ptr<size_t> running_ =
      std::make_shared<size_t>(0);  // requests; shared with those that outlive us
  http::Server server_;
};

}  // namespace osb::server
