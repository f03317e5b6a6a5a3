// Ordinary requests go through the client's kept connections; both bodies flow at the same time. An upgrade
// gets a connection of its own that becomes a tunnel if the backend agrees.
#include "http/proxy.h"

#include <algorithm>
#include <exception>
#include <set>

#include "http/client_connection.h"
#include "net/hangup.h"

namespace osb::http {

namespace {

constexpr size_t kCopyBuffer = 64 * 1024;
// A tunnel of which one side ended lives on as long as the other says something this often.
constexpr auto kHalfOpenIdle = std::chrono::minutes(5);

constexpr std::string_view kHopByHop[] = {
    "Connection",
    "Keep-Alive",
    "Proxy-Authenticate",
    "Proxy-Authorization",
    "Proxy-Connection",
    "TE",
    "Trailer",
    "Transfer-Encoding",
    "Upgrade",
};

bool is_one_of(std::string_view name, const auto& list) {
  return std::any_of(std::begin(list), std::end(list),
                     [&](std::string_view x) { return equal_ignoring_case(x, name); });
}

struct LessIgnoringCase {
  using is_transparent = void;
  static char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }
  bool operator()(std::string_view a, std::string_view b) const {
    return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(),
                                        [](char x, char y) { return lower(x) < lower(y); });
  }
};

// Which headers of one message go on: neither hop-by-hop, nor named by Connection, nor unwanted. What
// Connection names is gathered once: comparing every header with every name would let one head of the allowed
// size stop the loop for a second.
class Filter {
 public:
  Filter(const Headers& all, const std::vector<std::string>& drop) : drop_(drop) {
    for (const auto& [name, value] : all) {
      if (!equal_ignoring_case(name, "Connection")) continue;
      std::string_view rest = value;
      while (!rest.empty()) {
        size_t end = std::min(rest.find_first_of(", \t"), rest.size());
        if (end > 0) named_.insert(rest.substr(0, end));
        rest.remove_prefix(std::min(end + 1, rest.size()));
      }
    }
  }
  bool passes(std::string_view name) const {
    return !is_one_of(name, kHopByHop) && !is_one_of(name, drop_) && !named_.contains(name);
  }

 private:
  const std::vector<std::string>& drop_;
  std::set<std::string_view, LessIgnoringCase> named_;
};

Headers request_headers(const Request& request, const ProxyOptions& options) {
  Headers out;
  Filter filter(request.headers, options.drop_request_headers);
  if (options.keep_host && request.headers.has("Host"))
    out.add("Host", std::string(request.headers.get("Host")));
  for (const auto& [name, value] : request.headers) {
    bool ours = equal_ignoring_case(name, "Host") || equal_ignoring_case(name, "Expect") ||
                options.set_request_headers.has(name);
    if (!ours && filter.passes(name)) out.add(name, value);
  }
  for (const auto& [name, value] : options.set_request_headers) {
    if (equal_ignoring_case(name, "Host")) {
      out.set(name, value);
    } else {
      out.add(name, value);
    }
  }
  return out;
}

Headers response_headers(const Headers& from, const ProxyOptions& options) {
  Headers out;
  Filter filter(from, options.drop_response_headers);
  for (const auto& [name, value] : from) {
    if (!filter.passes(name)) continue;
    // A backend that knows where it is mounted needs no help.
    bool moved = equal_ignoring_case(name, "Location") && value.starts_with('/') &&
                 !value.starts_with("//") && !value.starts_with(options.location_prefix + "/");
    out.add(name, moved ? options.location_prefix + value : value);
  }
  return out;
}

std::string backend_target(const ProxyOptions& options) {
  std::string target = options.path.empty() ? "/" : options.path;
  if (!options.raw_query.empty()) target += "?" + options.raw_query;
  return target;
}

// The body of the caller. Remembers whether it was the caller's side that failed.
class CallersBody final : public BodyReader {
 public:
  explicit CallersBody(BodyReader& body) : body_(body) {}
  net::task<size_t> read_some(std::span<char> into) override {
    try {
      co_return co_await body_.read_some(into);
    } catch (const Error& error) {
      failure_ = error;
      throw;
    }
  }
  net::task<std::string> read_all(uint64_t limit) override { return body_.read_all(limit); }
  std::optional<uint64_t> content_length() const override { return body_.content_length(); }
  void give_up() override { body_.give_up(); }
  const std::optional<Error>& failure() const { return failure_; }

 private:
  BodyReader& body_;
  std::optional<Error> failure_;
};

Error backend_error(const Error& error) {
  if (dynamic_cast<const ConnectError*>(&error))
    return Error(ErrorCode::unavailable, error.message(), "BACKEND_CONNECTION_FAILED");
  if (error.code() == ErrorCode::timeout)
    return Error(ErrorCode::timeout, error.message(), "BACKEND_TIMEOUT");
  return Error(ErrorCode::unavailable, error.message(), "BACKEND_RESPONSE_FAILED");
}

// Passes head and body on. The head goes out at once unless body bytes are there to go with it.
net::task<> pass_answer(ClientResponse& answer, ResponseWriter& response, const ProxyOptions& options) {
  response.start(answer.status(), response_headers(answer.headers(), options));
  if (!answer.ready()) co_await response.flush_head();
  std::string buffer(answer.at_end() ? 0 : kCopyBuffer, '\0');
  while (!answer.at_end()) {
    size_t count = co_await answer.read_some(buffer);
    if (answer.at_end()) {
      co_await response.finish({buffer.data(), count});
      co_return;
    }
    co_await response.write({buffer.data(), count});
  }
  co_await response.finish();
}

net::task<> forward_plain(Client& client, Request& request, ResponseWriter& response,
                          const ProxyOptions& options) {
  CallersBody body(*request.body);
  Abort abort;
  ClientRequest up{.method = request.method, .target = backend_target(options)};
  up.headers = request_headers(request, options);
  up.full_duplex = true;
  up.abort = abort;
  if (body.content_length() != 0u) up.body_source = &body;

  net::HangupWatch watch(response.stream(), [abort] { abort(); });
  std::unique_ptr<ClientResponse> answer;
  std::optional<Error> failure;
  try {
    answer = co_await client.send(options.target, std::move(up));
  } catch (const Error& error) {
    failure = body.failure() ? *body.failure() : backend_error(error);
  }
  if (failure) throw *failure;

  std::exception_ptr broken;
  try {
    co_await pass_answer(*answer, response, options);
  } catch (...) {
    broken = std::current_exception();
    abort();
    request.body->give_up();
  }
  co_await answer->upload_done();  // until then it uses `body`
  if (broken) std::rethrow_exception(broken);
}

struct Tunnel {
  Tunnel(std::unique_ptr<net::Stream> c, std::shared_ptr<ClientConnection> b)
      : caller(std::move(c)), backend(std::move(b)), ended(caller->executor()) {}
  std::unique_ptr<net::Stream> caller;
  std::shared_ptr<ClientConnection> backend;
  net::Event ended;
  int open_directions = 2;
};

// One direction. When it ends in order the other may go on, as long as it is not silent for too long; when it
// breaks both end.
net::task<> relay(std::shared_ptr<Tunnel> tunnel, net::Stream& from, net::Stream& to) {
  std::string buffer(kCopyBuffer, '\0');
  bool broken = false;
  try {
    while (size_t count = co_await from.read_some(buffer)) {
      co_await to.write(std::string_view(buffer.data(), count));
      if (tunnel->open_directions == 1) from.set_read_deadline(kHalfOpenIdle);
    }
    to.shutdown_write();
    to.set_read_deadline(kHalfOpenIdle);
  } catch (const Error&) {
    broken = true;
  }
  if (broken) {
    from.close();
    to.close();
  }
  tunnel->open_directions--;
  tunnel->ended.notify();
}

net::task<> run_tunnel(std::shared_ptr<Tunnel> tunnel, std::string head, std::string from_caller) {
  net::Stream& caller = *tunnel->caller;
  net::Stream& backend = *tunnel->backend->stream;
  backend.set_read_deadline({});
  backend.set_write_deadline({});
  co_await caller.write({head, tunnel->backend->buffer.view()});
  if (!from_caller.empty()) co_await backend.write(from_caller);
  net::spawn(backend.executor(), "http tunnel", relay(tunnel, caller, backend));
  co_await relay(tunnel, backend, caller);
  while (tunnel->open_directions > 0) co_await tunnel->ended.wait();
}

// Sends the request on a connection of its own and reads the head of the backend's answer.
net::task<ResponseHead> ask_for_upgrade(Client& client, Request& request, const ProxyOptions& options,
                                        std::shared_ptr<ClientConnection>& connection) {
  Headers headers = request_headers(request, options);
  std::string text;
  append_request_line(text, request.method, backend_target(options));
  if (!headers.has("Host")) append_header(text, "Host", host_of(options.target));
  for (const auto& [name, value] : headers) append_header(text, name, value);
  append_header(text, "Connection", "Upgrade");
  append_header(text, "Upgrade", request.headers.get("Upgrade"));
  text += "\r\n";

  const ClientOptions& limits = client.options();
  connection = co_await ClientConnection::open(client.executor(), options.target, limits.connect_time);
  connection->stream->set_read_deadline(limits.response_time);
  co_await connection->write({text}, limits.response_time);
  co_return co_await connection->read_head(request.method, limits.header_bytes);
}

net::task<> forward_upgrade(Client& client, Request& request, ResponseWriter& response,
                            const ProxyOptions& options) {
  std::shared_ptr<ClientConnection> connection;
  std::optional<ResponseHead> head;
  std::optional<Error> failure;
  auto watch = std::make_optional<net::HangupWatch>(response.stream(), [&connection] {
    if (connection) connection->stream->close();
  });
  try {
    head = co_await ask_for_upgrade(client, request, options, connection);
  } catch (const Error& error) {
    failure = backend_error(error);
  }
  if (failure) throw *failure;
  if (head->status != 101) {
    auto answer =
        make_answer(connection, std::move(*head), nullptr, client.options().body_idle_time, nullptr);
    co_await pass_answer(*answer, response, options);
    co_return;
  }
  watch.reset();  // from here the connection belongs to the tunnel

  std::string text;
  append_status_line(text, 101);
  for (const auto& [name, value] : response_headers(head->headers, options)) append_header(text, name, value);
  append_header(text, "Connection", "Upgrade");
  append_header(text, "Upgrade", head->headers.get("Upgrade", request.headers.get("Upgrade")));
  text += "\r\n";
  std::string from_caller;
  auto caller = response.upgrade(from_caller);
  auto tunnel = std::make_shared<Tunnel>(std::move(caller), std::move(connection));
  co_await run_tunnel(std::move(tunnel), std::move(text), std::move(from_caller));
}

bool asks_for_upgrade(const Request& request) {
  return request.headers.has_token("Connection", "Upgrade") && request.headers.has("Upgrade") &&
         request.body->content_length() == 0u;
}

}  // namespace

net::task<> forward(Client& client, Request& request, ResponseWriter& response, ProxyOptions options) {
  if (asks_for_upgrade(request)) {
    co_await forward_upgrade(client, request, response, options);
  } else {
    co_await forward_plain(client, request, response, options);
  }
}

}  // namespace osb::http
