// HTTP/1.1 client with kept connections: one pool per Client, per target address. Streams both ways.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "http/message.h"
#include "http/server.h"

namespace osb::http {

// Numeric host and port, or a unix socket path (then host is empty).
struct Target {
  std::string host;
  uint16_t port = 0;
  std::string unix_path;
};

// Ends a request from outside: its connection is dropped, and whoever waits for it gets Error(unavailable).
// Copies mean the same request; give each request its own.
class Abort {
 public:
  Abort();
  void operator()() const;

  struct State;

 private:
  friend class Client;
  std::shared_ptr<State> state_;
};

struct ClientRequest {
  std::string method = "GET";
  std::string target = "/";  // path and query, already encoded
  Headers headers;           // Host is added if missing
  std::string body;          // used when body_source is null
  // Streamed: with Content-Length if it knows its length, else chunked. An error of its own drops the
  // connection and comes out of send() or read_some(). The source must live until send() returned or threw;
  // with `full_duplex` until upload_done() returned.
  BodyReader* body_source = nullptr;
  // Without it, send() returns when the head of the answer is there and the body is sent. With it, the head
  // alone.
  bool full_duplex = false;
  std::optional<Abort> abort;
};

// Head of an answer; the body is read from it. Destroying it before the end of the body drops the connection.
class ClientResponse : public BodyReader {
 public:
  virtual int status() const = 0;
  virtual const Headers& headers() const = 0;
  // The whole body was read.
  virtual bool at_end() const = 0;
  // Something can be read without waiting for the network.
  virtual bool ready() const = 0;
  // Returns when `body_source` is not used any more: sent, failed, or given up because the answer said
  // enough.
  virtual net::task<> upload_done() = 0;
};

struct ClientOptions {
  std::chrono::milliseconds connect_time{5000};
  std::chrono::milliseconds response_time{180000};  // silence before the head
  std::chrono::milliseconds body_idle_time{0};      // silence inside the body; 0: none (event streams)
  size_t header_bytes = 64 * 1024;
  size_t idle_per_target = 32;
  std::chrono::seconds idle_time{30};
};

class Client {
 public:
  explicit Client(net::asio::any_io_executor executor, ClientOptions options = {});
  ~Client();
  Client(const Client&) = delete;

  // Throws Error: unavailable (connecting, broken, bad answer), timeout. A request on a kept connection that
  // broke before any answer byte is sent once more on a fresh one if its method is idempotent and its body
  // can be replayed (no body_source).
  net::task<std::unique_ptr<ClientResponse>> send(Target target, ClientRequest request);
  const ClientOptions& options() const;
  net::asio::any_io_executor executor() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace osb::http
