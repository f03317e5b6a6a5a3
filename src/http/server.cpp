#include "http/server.h"

#include <algorithm>
#include <vector>

#include "base/log.h"
#include "http/connection.h"

namespace osb::http {

namespace {
// Connections above the cap that are told so at the same time, and their share of the cap; the rest are
// dropped.
constexpr size_t kTurnedAwayAtOnce = 256;
constexpr size_t kTurnedAwayShare = 8;
// For handlers to notice that their connection was dropped, after the grace time.
constexpr auto kUnwindTime = std::chrono::seconds(1);

net::task<> run_connection(std::shared_ptr<ServerCore> core, std::unique_ptr<net::Stream> stream) {
  Connection connection(std::move(core), std::move(stream));
  co_await connection.run();
}

net::task<> turn_away(std::shared_ptr<ServerCore> core, std::unique_ptr<net::Stream> stream) {
  struct Counted {
    ServerCore& core;
    explicit Counted(ServerCore& c) : core(c) { core.turned_away++; }
    ~Counted() { core.turned_away--; }
  } counted(*core);
  Connection connection(core, std::move(stream));
  co_await connection.turn_away();
}

net::task<> accept_connections(std::shared_ptr<ServerCore> core, std::shared_ptr<net::Listener> listener) {
  while (!core->stopping) {
    std::unique_ptr<net::Stream> stream;
    try {
      stream = co_await listener->accept();
    } catch (const Error& error) {
      if (core->stopping) co_return;
      log_error("accepting connections ended", {{"error", error.message()}});
      co_return;
    }
    size_t open = core->connections.size() - core->turned_away - core->displaced;
    while (open >= core->options.limits.connections && !core->idle.empty())
      if (core->idle.front()->displace()) open--;
    if (open < core->options.limits.connections) {
      net::spawn(core->executor, "http connection", run_connection(core, std::move(stream)));
    } else if (core->turned_away <
               std::min(kTurnedAwayAtOnce, core->options.limits.connections / kTurnedAwayShare + 1)) {
      net::spawn(core->executor, "http connection", turn_away(core, std::move(stream)));
    }
  }
}

net::task<> wait_until_none(std::shared_ptr<ServerCore> core, std::chrono::steady_clock::time_point end) {
  while (!core->connections.empty()) {
    auto left = std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
    if (left.count() <= 0 || !co_await core->ended.wait_for(left)) break;
  }
}
}  // namespace

struct Server::State {
  explicit State(std::shared_ptr<ServerCore> c) : core(std::move(c)) {}

  std::shared_ptr<ServerCore> core;
  std::vector<std::shared_ptr<net::Listener>> listeners;

  void stop_accepting() {
    core->stopping = true;
    for (auto& listener : listeners) listener->close();
    listeners.clear();
  }
};

Server::Server(net::asio::any_io_executor executor, Handler handler, ServerOptions options)
    : state_(std::make_shared<State>(
          std::make_shared<ServerCore>(std::move(executor), std::move(handler), std::move(options)))) {}

Server::~Server() {
  state_->stop_accepting();
  state_->core->options.on_served = nullptr;  // handlers that still run end later than whom it tells
  for (Connection* connection : state_->core->connections) connection->close();
}

void Server::serve(std::unique_ptr<net::Listener> listener) {
  std::shared_ptr<net::Listener> shared = std::move(listener);
  state_->listeners.push_back(shared);
  net::spawn(state_->core->executor, "http accept", accept_connections(state_->core, std::move(shared)));
}

net::task<bool> Server::drain(std::chrono::milliseconds grace) {
  auto core = state_->core;
  auto end = std::chrono::steady_clock::now() + grace;
  state_->stop_accepting();
  for (Connection* connection : core->connections) connection->close_if_idle();
  co_await wait_until_none(core, end);
  co_return core->connections.empty();
}

net::task<> Server::stop(std::chrono::milliseconds grace) {
  auto core = state_->core;
  co_await drain(grace);
  for (Connection* connection : core->connections) connection->close();
  co_await wait_until_none(core, std::chrono::steady_clock::now() + kUnwindTime);
}

size_t Server::connections() const { return state_->core->connections.size(); }

}  // namespace osb::http
