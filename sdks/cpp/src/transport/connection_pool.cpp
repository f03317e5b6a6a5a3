#include "transport/connection_pool.h"

#include <opensandbox/connection.h>

namespace opensandbox {

namespace detail {

std::unique_ptr<Connection> ConnectionPool::take(const std::string& key) {
  std::lock_guard lock(mutex_);
  auto found = idle_.find(key);
  if (found == idle_.end()) return nullptr;
  auto& connections = found->second;
  while (!connections.empty()) {
    auto connection = std::move(connections.back());
    connections.pop_back();
    if (Clock::now() - connection->idle_since < kIdle && connection->channel->quiet()) return connection;
  }
  idle_.erase(found);
  return nullptr;
}

void ConnectionPool::give(const std::string& key, std::unique_ptr<Connection> connection) {
  if (!connection) return;
  connection->idle_since = Clock::now();
  std::lock_guard lock(mutex_);
  auto& connections = idle_[key];
  if (connections.size() >= kKept) connections.erase(connections.begin());
  connections.push_back(std::move(connection));
}

void ConnectionPool::close_idle() {
  std::lock_guard lock(mutex_);
  idle_.clear();
}

}  // namespace detail

Connections::Connections() : pool_(std::make_shared<detail::ConnectionPool>()) {}
Connections::~Connections() = default;
Connections::Connections(const Connections&) = default;
Connections& Connections::operator=(const Connections&) = default;
void Connections::close_idle() { pool_->close_idle(); }

}  // namespace opensandbox
