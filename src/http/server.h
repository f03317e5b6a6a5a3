// HTTP/1.1 server over net::Stream: keep-alive, pipelining-safe, chunked and Content-Length bodies both ways,
// Expect: 100-continue, limits from the first byte. One coroutine per connection; a handler that throws Error
// gets the matching status and error body, anything else a 500.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "http/message.h"
#include "net/listener.h"
#include "net/stream.h"

namespace osb::http {

struct Limits {
  size_t header_bytes = 64 * 1024;        // request line and headers together → 431
  uint64_t body_bytes = 8 * 1024 * 1024;  // default for BodyReader::read_all → 413
  std::chrono::seconds header_time{15};   // from the first byte of a request to the end of its headers → 408
  std::chrono::seconds idle_time{90};     // between requests on a kept connection (clients pool for 30–75 s)
  std::chrono::seconds body_idle_time{60};   // longest silence inside a request body → 408
  std::chrono::seconds write_idle_time{60};  // a client that takes no byte for that long is dropped
  // A client that acknowledges nothing of what was sent to it for that long is dropped; zero: when the kernel
  // gives up, after a quarter of an hour.
  std::chrono::milliseconds unacknowledged_time{0};
  // Beyond, the one that has been idle longest is closed for a new one; where none is idle, the new one is
  // answered 503 and closed.
  size_t connections = 10000;
};

// The body of a request, read as it arrives. A handler may ignore it: the server then drains a small rest or
// closes.
class BodyReader {
 public:
  virtual ~BodyReader() = default;
  // At least one byte, or 0 at the end. Sends "100 Continue" first if the client waits for it.
  // Throws Error(timeout|unavailable|invalid).
  virtual net::task<size_t> read_some(std::span<char> into) = 0;
  // The whole rest. Throws Error(too_large) beyond `limit` bytes (0: the server's Limits::body_bytes).
  virtual net::task<std::string> read_all(uint64_t limit = 0) = 0;
  // From Content-Length; nullopt for chunked bodies; 0 when there is no body.
  virtual std::optional<uint64_t> content_length() const = 0;
  // Nobody wants the rest: a pending read_some() throws soon, and so does every later one.
  virtual void give_up() {}
};

struct Request {
  std::string method;
  std::string target;     // as sent: "/v1/x%2Fy?a=1"
  std::string path;       // part before '?', still percent-encoded
  std::string raw_query;  // part after '?', without it
  Query query;
  Headers headers;
  net::Peer peer;
  std::string local_address;  // numeric address the client reached us at
  std::string request_id;  // X-Request-ID of the client (trimmed, at most 128 printable bytes) or a new one
  std::vector<std::string> parameters;  // path parameters of the route, decoded, in order
  std::string rest;            // raw remainder matched by a trailing "{*}" of the route, with its leading '/'
  std::string_view route;      // pattern that matched, for metrics and logs
  BodyReader* body = nullptr;  // never null inside a handler

  std::string_view parameter(size_t i) const { return parameters.at(i); }
};

// How a handler answers. Exactly one of: send(); start() … finish(); upgrade().
class ResponseWriter {
 public:
  virtual ~ResponseWriter() = default;

  // A complete response with Content-Length (0 for an empty body).
  virtual net::task<> send(Response response) = 0;

  // Begins a streamed response: chunked, or with the Content-Length given in `headers`. The head is put on
  // the wire together with the first write(), or by flush_head().
  virtual void start(int status, Headers headers) = 0;
  // Throws Error(unavailable|timeout) when the client is gone or takes nothing; later writes throw at once.
  virtual net::task<> write(std::string_view bytes) = 0;
  virtual net::task<> flush_head() = 0;
  // The same for bytes of a file, in a response with the Content-Length given. The kernel moves them where it
  // can, in work that `offload` takes to another thread, and never more than the region. Throws
  // Error(internal) if the file ends before: the response cannot be completed then, and costs the connection.
  virtual net::task<> write_file(net::FileRegion region, net::Offload offload) = 0;
  // Writes `last` and the end of the body in one system call. The connection stays usable.
  virtual net::task<> finish(std::string_view last = {}) = 0;
  virtual bool started() const = 0;
  // Added to whatever head is sent (also to errors), e.g. X-Request-ID.
  virtual void add_header(std::string name, std::string value) = 0;

  // Leaves HTTP: nothing is written; the caller owns the connection from here (WebSocket, tunnels).
  // `buffered` gets the bytes already read behind the request head.
  virtual std::unique_ptr<net::Stream> upgrade(std::string& buffered) = 0;

  // The connection. Nothing is written to it past this writer.
  virtual net::Stream& stream() = 0;
};

using Handler = std::function<net::task<>(Request&, ResponseWriter&)>;
// Builds the body for an Error (and for protocol errors the server finds itself). Default:
// {"code","message"}.
using ErrorFormat = std::function<Response(const Error&, const Request*)>;

struct ServerOptions {
  Limits limits;
  ErrorFormat format_error;     // empty: http::error_response
  std::string server_header;    // empty: none
  bool echo_request_id = true;  // adds X-Request-ID to every response
  std::function<void(const Request&, int status, std::chrono::microseconds took)> on_served;  // may be empty
};

// {"code": e.wire() or the default of the code, "message": …} with the status of http/status.h.
Response error_response(const Error& error);

class Server {
 public:
  Server(net::asio::any_io_executor executor, Handler handler, ServerOptions options = {});
  ~Server();
  Server(const Server&) = delete;

  // Serves connections of this listener until stop(). May be called for several listeners.
  void serve(std::unique_ptr<net::Listener> listener);
  // Stops accepting and lets running requests end for at most `grace`; true when all did. May be followed by
  // stop().
  net::task<bool> drain(std::chrono::milliseconds grace);
  // The same, then drops the rest.
  net::task<> stop(std::chrono::milliseconds grace);
  size_t connections() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace osb::http
