// How the server is reached: address, key, time limits, retries, and the connections that are kept.
#pragma once

#include <opensandbox/error.h>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

namespace opensandbox {

namespace detail {
class ConnectionPool;
}

using Milliseconds = std::chrono::milliseconds;
using Seconds = std::chrono::seconds;
/// A point in wall-clock time.
using Time = std::chrono::system_clock::time_point;

/// One retry, told before its pause.
struct RetryNotice {
  int retry = 0;            ///< which one, from 1
  std::string method, url;  ///< of the request
  int status = 0;           ///< that was answered; 0 if there was no answer
  std::string reason;       ///< for people
  Milliseconds pause{0};    ///< before it is sent again
};

/// When a request is sent again. What was never sent is retried for every method, a lost answer and the
/// statuses below only for GET, HEAD, PUT, DELETE and OPTIONS. Streams of output are not retried but resumed.
struct RetryPolicy {
  int max_retries = 3;                               ///< besides the first attempt; 0: never
  Milliseconds first_pause{500};                     ///< pauses grow from here, at random,
  Milliseconds longest_pause{30'000};                ///< to here; Retry-After of the server wins, up to 60 s
  std::set<int> statuses{429, 502, 503};             ///< after which an idempotent request is sent again
  std::function<void(const RetryNotice&)> on_retry;  ///< called on the calling thread; may be empty
};

/// Connections that several sandboxes and managers use together; idle ones are kept for 30 seconds, at most
/// 64 per address. Without one of these in its config every Sandbox and Manager keeps connections of its own.
/// Copies share. Thread-safe.
class Connections {
 public:
  Connections();
  ~Connections();
  Connections(const Connections&);
  Connections& operator=(const Connections&);

  /// Closes those that are idle now.
  void close_idle();

  /// For the library itself.
  const std::shared_ptr<detail::ConnectionPool>& pool() const { return pool_; }

 private:
  std::shared_ptr<detail::ConnectionPool> pool_;
};

/// Where the server is and how to talk to it. A plain value; every call copies what it needs.
///
///     opensandbox::ConnectionConfig config;          // OPEN_SANDBOX_DOMAIN and OPEN_SANDBOX_API_KEY
///     config.domain = "https://sandboxes.example";   // or only "host:port", then `protocol` counts
///     config.request_timeout = std::chrono::seconds(10);
struct ConnectionConfig {
  /// Server, "host[:port][/path]", perhaps with "http://" or "https://" in front, which wins over `protocol`.
  /// Empty: environment OPEN_SANDBOX_DOMAIN, else localhost:8080.
  std::string domain;
  /// Sent as OPEN-SANDBOX-API-KEY to the server only, never to programs in sandboxes. Not given: environment
  /// OPEN_SANDBOX_API_KEY, else none.
  std::optional<std::string> api_key;
  /// "http" or "https", of the server and of sandboxes' ports. Empty: that of `domain`, else environment
  /// OPEN_SANDBOX_PROTOCOL, else http.
  std::string protocol;
  /// Longest wait for a connection, for the head of an answer and for each next piece of it. Runs of commands
  /// and code may take longer: their streams only may not be silent for a minute.
  Milliseconds request_timeout{30'000};
  /// Reach sandboxes by way of the server, for machines that have no route to them.
  bool use_server_proxy = false;
  /// Sent with every request, to the server and to sandboxes.
  std::map<std::string, std::string> headers;
  /// Default: OpenSandbox-CPP-SDK/<version>.
  std::string user_agent;
  RetryPolicy retries;
  /// PEM file of certificate authorities for https. Empty: those of the system (and SSL_CERT_FILE).
  std::string ca_file;
  /// Share connections with others; see Connections.
  std::optional<Connections> connections;
  /// Hears of every request and answer, one line each, secrets masked. May be empty. Called on calling
  /// threads.
  std::function<void(const std::string& line)> log;

  /// The server's address with what the environment says, without a slash at the end:
  /// "http://localhost:8080/v1". Throws Error(invalid_argument) for a protocol other than http and https.
  std::string base_url() const;
  /// The key that will be sent; empty: none.
  std::string effective_api_key() const;
};

}  // namespace opensandbox
