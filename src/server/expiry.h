// When sandboxes end by themselves. One timer serves the earliest deadline; it looks at the wall clock at
// least every half minute, so that a clock that is set does no harm for long.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "net/task.h"

namespace osb::server {

class Expiry {
 public:
  // `expire` runs as a coroutine of its own for every deadline that passes; the deadline is forgotten before.
  Expiry(net::asio::any_io_executor executor, std::function<net::task<>(std::string id)> expire);
  ~Expiry();
  Expiry(const Expiry&) = delete;

  // Replaces the deadline of that sandbox; nullopt takes it away.
  void set(const std::string& id, std::optional<TimePoint> deadline);
  void start();
  void stop();
  size_t size() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace osb::server
