// Connections by address; idle ones are kept for the next request, the newest is used first. Thread-safe.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "transport/exchange.h"

namespace opensandbox::detail {

class ConnectionPool : public std::enable_shared_from_this<ConnectionPool> {
 public:
  // An idle connection that is still open, or nullptr.
  std::unique_ptr<Connection> take(const std::string& key);
  void give(const std::string& key, std::unique_ptr<Connection> connection);
  void close_idle();

 private:
  static constexpr size_t kKept = 64;  // per address
  static constexpr std::chrono::seconds kIdle{30};

  std::mutex mutex_;
  std::map<std::string, std::vector<std::unique_ptr<Connection>>> idle_;
};

}  // namespace opensandbox::detail
