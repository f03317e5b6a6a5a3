// Carries calls out: connections, time limits, retries, and what is said when the network fails. Thread-safe.
#pragma once

#include <opensandbox/connection.h>

#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>

#include "transport/connection_pool.h"
#include "transport/failure.h"

namespace opensandbox::detail {

// Where calls go and what all of them carry.
struct Target {
  Address address;
  osb::http::Headers headers;
};

// An answer whose body is still to come. Destroying it gives the connection back when the answer is complete,
// and closes it otherwise.
class Stream {
 public:
  Stream(std::shared_ptr<ConnectionPool> pool, std::string key, Exchange exchange)
      : pool_(std::move(pool)), key_(std::move(key)), exchange_(std::move(exchange)) {}
  ~Stream();
  Stream(Stream&&) = default;
  Stream& operator=(Stream&&) = delete;

  int status() const { return exchange_.head().status; }
  const osb::http::Headers& headers() const { return exchange_.head().headers; }
  // The next piece, empty at the end. Valid until the next call. Throws Failure.
  std::string_view read(const Wait& wait) { return exchange_.read(wait); }
  // All of the rest; each piece may take `timeout`. Throws Failure(broken) beyond `limit` bytes.
  Reply body(Milliseconds timeout, const std::stop_token& stop, size_t limit = size_t{1} << 30);
  std::unique_ptr<Connection> take_connection() { return exchange_.take(); }

 private:
  std::shared_ptr<ConnectionPool> pool_;
  std::string key_;
  Exchange exchange_;
};

class Client {
 public:
  explicit Client(ConnectionConfig config);

  const ConnectionConfig& config() const { return config_; }
  // The lifecycle API.
  const Target& server() const { return server_; }
  // A program in a sandbox, at "host:port[/path]". It gets the key only by way of the server, which keeps it.
  Target endpoint(const std::string& address, const std::map<std::string, std::string>& headers) const;

  // Sends it, again if the policy says so, and reads the answer; one that is not as hoped for is thrown as an
  // Error.
  Reply call(const Target& target, const Call& call, const std::stop_token& stop) const;
  // The same with a time limit of its own, and no retries.
  Reply call_once(const Target& target, const Call& call, const Wait& wait) const;
  // Whether the head of an answer may take longer than a request may.
  enum class Patience { none, endless };
  // The answer as it comes, all of it within `limit`. An answer that is not as hoped for is thrown as an
  // Error, a failure of the network as a Failure.
  Stream stream(const Target& target, const Call& call, const Wait& limit,
                Patience patience = Patience::none) const;
  // The same without looking at the status, on a connection of its own if `fresh`.
  Stream open(const Target& target, const Call& call, const Wait& limit, Patience patience = Patience::none,
              bool fresh = false) const;

  // A daemon that numbers its events also knows what a key in Idempotency-Key means.
  void remember_numbered(const Target& target);
  bool numbered(const Target& target) const;

  Wait wait(const std::stop_token& stop) const { return Wait::at_most(config_.request_timeout, stop); }

 private:
  void log(const Target& target, const Call& call, int status, size_t bytes) const;

  ConnectionConfig config_;
  std::shared_ptr<ConnectionPool> pool_;
  Target server_;
  mutable std::mutex mutex_;
  std::set<std::string> numbered_;
};

// The Error that tells of a failure, with the address that was tried.
[[noreturn]] void throw_network_error(const Failure& failure, const std::string& doing, const Target& target);

}  // namespace opensandbox::detail
