#include "http/connection.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <utility>

#include <boost/asio/post.hpp>

#include "base/log.h"
#include "http/exchange.h"
#include "http/write_slice.h"

namespace osb::http {

namespace {
constexpr size_t kMostHeld = 16 * 1024;
constexpr auto kLingerTime = std::chrono::seconds(2);
constexpr uint64_t kLingerBytes = 16 * 1024 * 1024;
constexpr size_t kMaxRequestId = 128;

std::string_view usable_request_id(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  bool printable = std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
  return printable && text.size() <= kMaxRequestId ? text : std::string_view();
}

// "http://host:1/x?y" → "/x?y"; other targets unchanged.
std::string_view without_origin(std::string_view target) {
  size_t scheme = target.find("://");
  if (target.starts_with('/') || scheme == std::string_view::npos) return target;
  size_t path = target.find_first_of("/?", scheme + 3);
  return path == std::string_view::npos ? std::string_view("/") : target.substr(path);
}
}  // namespace

struct Connection::Link {
  net::Stream* stream = nullptr;
};

// The stream that a handler took over. Known to the connection as long as it lives, so that Server::stop
// reaches it.
class Connection::OwnedStream final : public net::Stream {
 public:
  OwnedStream(std::unique_ptr<net::Stream> inner, std::shared_ptr<Link> link)
      : inner_(std::move(inner)), link_(std::move(link)) {
    link_->stream = this;
  }
  ~OwnedStream() override { link_->stream = nullptr; }

  net::task<size_t> read_some(std::span<char> into) override { return inner_->read_some(into); }
  net::task<> write(std::vector<std::string_view> parts) override { return inner_->write(std::move(parts)); }
  net::task<uint64_t> write_file(net::FileRegion region, net::Offload offload) override {
    return inner_->write_file(std::move(region), std::move(offload));
  }
  size_t write_now(std::string_view bytes) override { return inner_->write_now(bytes); }
  void set_read_deadline(std::chrono::milliseconds after) override { inner_->set_read_deadline(after); }
  void set_write_deadline(std::chrono::milliseconds after) override { inner_->set_write_deadline(after); }
  void shutdown_write() override { inner_->shutdown_write(); }
  void close() override { inner_->close(); }
  net::task<> wait_for_hangup() override { return inner_->wait_for_hangup(); }
  const net::Peer& peer() const override { return inner_->peer(); }
  std::string local_address() const override { return inner_->local_address(); }
  int native_handle() const override { return inner_->native_handle(); }
  net::asio::any_io_executor executor() const override { return inner_->executor(); }

 private:
  std::unique_ptr<net::Stream> inner_;
  std::shared_ptr<Link> link_;
};

std::unique_ptr<net::Stream> Connection::Exchange::upgrade(std::string& buffered) {
  if (started()) throw Error(ErrorCode::internal, "upgrading a connection: a response was started already");
  phase_ = Phase::upgraded;
  status_ = 101;
  connection_.keep_ = false;
  connection_.tunnel_ = std::make_shared<Link>();
  buffered = connection_.buffer_.view();
  connection_.buffer_.consume(buffered.size());
  connection_.stream_->set_read_deadline({});
  connection_.stream_->set_write_deadline({});
  return std::make_unique<OwnedStream>(std::move(connection_.stream_), connection_.tunnel_);
}

Connection::Connection(std::shared_ptr<ServerCore> core, std::unique_ptr<net::Stream> stream)
    : core_(std::move(core)), stream_(std::move(stream)), local_address_(stream_->local_address()) {
  core_->connections.insert(this);
  int limit = static_cast<int>(core_->options.limits.unacknowledged_time.count());
  if (limit > 0) ::setsockopt(stream_->native_handle(), IPPROTO_TCP, TCP_USER_TIMEOUT, &limit, sizeof limit);
}

Connection::~Connection() {
  set_idle(false);
  core_->connections.erase(this);
  core_->displaced -= displaced_;
  core_->ended.notify();
}

void Connection::close_if_idle() {
  if (idle_ && stream_ && !has_unread()) stream_->close();
}

// A request that waits in the socket would be lost without an answer, and no client repeats a POST.
bool Connection::has_unread() const {
  char byte;
  return ::recv(stream_->native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

void Connection::close() {
  if (stream_) stream_->close();
  if (tunnel_ && tunnel_->stream) tunnel_->stream->close();
}

bool Connection::displace() {
  set_idle(false);
  if (has_unread()) return false;
  displaced_ = true;
  core_->displaced++;
  stream_->close();
  return true;
}

void Connection::set_idle(bool idle) {
  if (idle == std::exchange(idle_, idle)) return;
  auto& to = idle ? core_->idle : place_;
  auto& from = idle ? place_ : core_->idle;
  to.splice(to.end(), from, node_);
}

// A client that sends requests ahead gets their answers together: one system call instead of one for each.
// False if this one has to be written.
bool Connection::hold_back(const std::vector<std::string_view>& answer) {
  size_t total = held_.size();
  for (std::string_view part : answer) total += part.size();
  if (!keep_ || buffer_.empty() || total > kMostHeld) return false;
  if (held_.empty())
    net::asio::post(core_->executor, [core = core_, this] {
      if (core->connections.contains(this)) send_held();
    });
  for (std::string_view part : answer) held_ += part;
  return true;
}

// Comes when the loop has done what can be done without waiting: however long the next request takes, the
// answers before it are not kept from the client.
void Connection::send_held() {
  if (stream_ && !held_.empty()) held_.erase(0, stream_->write_now(held_));
}

net::task<> Connection::flush_held() {
  if (!held_.empty()) co_await write({});
}

net::task<> Connection::write(std::vector<std::string_view> parts) {
  std::string held = std::exchange(held_, {});
  if (!held.empty()) parts.insert(parts.begin(), held);
  size_t total = 0;
  for (std::string_view part : parts) total += part.size();
  stream_->set_write_deadline(core_->options.limits.write_idle_time);
  if (total <= kWriteSlice) {
    co_await stream_->write(std::move(parts));
    co_return;
  }
  std::vector<std::string_view> slice;
  size_t room = kWriteSlice;
  for (std::string_view part : parts) {
    while (!part.empty()) {
      slice.push_back(part.substr(0, room));
      room -= slice.back().size();
      part.remove_prefix(slice.back().size());
      if (room > 0) continue;
      co_await stream_->write(std::exchange(slice, {}));
      stream_->set_write_deadline(core_->options.limits.write_idle_time);
      room = kWriteSlice;
    }
  }
  if (!slice.empty()) co_await stream_->write(std::move(slice));
}

net::task<> Connection::write_file(net::FileRegion region, net::Offload offload) {
  co_await flush_held();
  while (region.length > 0) {
    stream_->set_write_deadline(core_->options.limits.write_idle_time);
    uint64_t sent = co_await stream_->write_file(region, offload);
    if (sent == 0)
      throw Error(ErrorCode::internal, "sending a file: it became shorter meanwhile", "RUNTIME_ERROR");
    region.offset += sent;
    region.length -= sent;
  }
}

net::task<> Connection::run() {
  try {
    co_await serve_requests();
    if (linger_) co_await linger();
  } catch (const Error& error) {
    // The client left or broke the connection: nothing of ours is wrong.
    if (error.code() != ErrorCode::unavailable && error.code() != ErrorCode::timeout) throw;
  }
}

net::task<> Connection::serve_requests() {
  while (keep_ && !core_->stopping) {
    RequestHead head;
    std::optional<Error> bad;
    try {
      if (!co_await read_head(head)) co_return;
    } catch (const Error& error) {
      if (error.code() == ErrorCode::unavailable) throw;
      bad = error;
    }
    if (bad) {
      co_await refuse(*bad);
      co_return;
    }
    if (head.headers.has("Upgrade")) co_await flush_held();  // who takes the connection over knows of none
    co_await serve(std::move(head));
    buffer_.shrink_if_empty();
  }
  co_await flush_held();
}

// False when the client ended the connection, or was silent for the idle time, between requests.
net::task<bool> Connection::read_head(RequestHead& head) {
  const Limits& limits = core_->options.limits;
  HeadScanner scanner(limits.header_bytes);
  bool begun = false;
  while (true) {
    while (!begun && buffer_.view().starts_with("\r\n"))
      buffer_.consume(2);  // left over after a body by old clients
    if (size_t length = scanner.scan(buffer_.view())) {
      head = parse_request_head(buffer_.view().substr(0, length));
      buffer_.consume(length);
      co_return true;
    }
    bool empty = buffer_.empty();
    if (empty || !begun)
      stream_->set_read_deadline(empty ? std::chrono::milliseconds(limits.idle_time) : limits.header_time);
    begun = !empty;
    co_await flush_held();
    set_idle(empty);
    bool late = false;
    size_t count = 0;
    try {
      count = co_await stream_->read_some(buffer_.room());
    } catch (const Error& error) {
      if (error.code() != ErrorCode::timeout) throw;
      if (empty) co_return false;
      late = true;
    }
    set_idle(false);
    if (late)
      throw Error(ErrorCode::timeout, "reading the HTTP head: the client did not send it in time",
                  "REQUEST_TIMEOUT");
    if (count == 0) co_return false;
    buffer_.committed(count);
  }
}

Request Connection::make_request(RequestHead& head) {
  Request request;
  request.method = std::move(head.method);
  request.target = std::move(head.target);
  std::string_view origin = without_origin(request.target);
  size_t question = origin.find('?');
  request.path = origin.substr(0, question);
  if (request.path.empty()) request.path = "/";
  if (question != std::string_view::npos) request.raw_query = origin.substr(question + 1);
  request.query = Query(request.raw_query);
  request.headers = std::move(head.headers);
  request.peer = stream_->peer();
  request.local_address = local_address_;
  request.request_id = usable_request_id(request.headers.get("X-Request-ID"));
  if (request.request_id.empty()) request.request_id = core_->new_request_id();
  return request;
}

net::task<> Connection::serve(RequestHead head) {
  auto begin =
      core_->options.on_served ? std::chrono::steady_clock::now() : std::chrono::steady_clock::time_point();
  keep_ = head.keep_alive;
  Request request = make_request(head);
  Exchange exchange(*this, request, head);
  request.body = &exchange;

  std::optional<Error> failure;
  try {
    if (request.path.front() != '/' && request.path != "*")
      throw Error(ErrorCode::invalid, "reading the HTTP head: the target is not a path", "INVALID_REQUEST");
    co_await core_->handler(request, exchange);
    if (!exchange.started())
      throw Error(ErrorCode::internal, "handling a request: the handler gave no answer");
  } catch (const Error& error) {
    failure = error;
  } catch (const std::exception& error) {
    log_error("a handler failed",
              {{"request_id", request.request_id}, {"route", request.route}, {"error", error.what()}});
    failure.emplace(ErrorCode::internal,
                    "handling the request failed; the server's log has more under its request id");
  }

  if (failure && !exchange.started()) co_await exchange.send(core_->format_error(*failure, &request));
  if (core_->options.on_served) {
    auto took = std::chrono::steady_clock::now() - begin;
    core_->options.on_served(request, exchange.status(),
                             std::chrono::duration_cast<std::chrono::microseconds>(took));
  }
  if (exchange.upgraded()) co_return;
  if (exchange.finished()) {
    co_await exchange.settle();
  } else {
    exchange.abandon();
  }
}

// Answers what is not a request, and ends the connection.
net::task<> Connection::refuse(const Error& error) {
  Response response = core_->format_error(error, nullptr);
  std::string text;
  append_status_line(text, response.status);
  for (const auto& [name, value] : response.headers) append_header(text, name, value);
  if (!response.headers.has("Date")) append_header(text, "Date", core_->date());
  if (core_->options.echo_request_id) append_header(text, "X-Request-ID", core_->new_request_id());
  append_header(text, "Content-Length", std::to_string(response.body.size()));
  append_header(text, "Connection", "close");
  text += "\r\n";
  linger_ = true;
  co_await write({text, response.body});
}

net::task<> Connection::turn_away() {
  bool told = true;
  try {
    co_await refuse(Error(ErrorCode::unavailable, "accepting a connection: too many are open"));
    co_await linger();
  } catch (const Error&) {
    told = false;
  }
  if (!told) close();
}

// Ends our side and takes what the client still sends. Closing right away would reset the connection and
// could destroy the answer before the client reads it.
net::task<> Connection::linger() {
  stream_->shutdown_write();
  stream_->set_read_deadline(kLingerTime);
  std::string scratch(16 * 1024, '\0');
  uint64_t taken = buffer_.view().size();
  while (taken < kLingerBytes) {
    size_t count = co_await stream_->read_some(scratch);
    if (count == 0) break;
    taken += count;
  }
}

}  // namespace osb::http
