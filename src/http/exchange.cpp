#include "http/exchange.h"

#include <sys/socket.h>

#include <algorithm>

namespace osb::http {

namespace {
// What a handler left unread is read and dropped up to here, to keep the connection; beyond, closing is
// cheaper.
constexpr uint64_t kSmallRest = 256 * 1024;
constexpr auto kRestTime = std::chrono::seconds(2);
// A body that is wanted as a whole has this many idle times for all of it: a client that sends a byte now and
// then must not keep a handler waiting for ever.
constexpr int kIdleTimesForWhole = 5;

// Headers that the server itself writes.
bool is_framing_header(std::string_view name) {
  return equal_ignoring_case(name, "Content-Length") || equal_ignoring_case(name, "Transfer-Encoding") ||
         equal_ignoring_case(name, "Connection");
}

std::optional<uint64_t> declared_length(const Headers& headers) {
  auto text = headers.find("Content-Length");
  if (!text) return std::nullopt;
  uint64_t length = 0;
  for (char c : *text) {
    if (c < '0' || c > '9' || length > UINT64_MAX / 10 - 1)
      throw Error(ErrorCode::internal, "starting a response: bad Content-Length " + std::string(*text));
    length = length * 10 + static_cast<unsigned>(c - '0');
  }
  return length;
}

// What a body that did not come means to whoever asked for it: it is the client's doing.
Error body_failure(const Error& error) {
  if (error.code() == ErrorCode::timeout)
    return Error(ErrorCode::timeout, "reading the request body: the client sent nothing for too long",
                 "REQUEST_TIMEOUT");
  if (error.code() == ErrorCode::unavailable)
    return Error(ErrorCode::invalid, "reading the request body: the connection ended inside it",
                 "INVALID_REQUEST");
  return error;
}

bool never_has_body(int status) { return status < 200 || status == 204 || status == 304; }
}  // namespace

Connection::Exchange::Exchange(Connection& connection, const Request& request, const RequestHead& head)
    : connection_(connection),
      request_(request),
      source_(*connection.stream_, connection.buffer_, head.body,
              connection.core_->options.limits.body_idle_time),
      http_1_0_(head.http_1_0),
      continue_due_(head.expects_continue && connection.buffer_.empty()) {}

net::task<> Connection::Exchange::send_continue() {
  continue_due_ = false;
  if (phase_ == Phase::nothing) co_await put({"HTTP/1.1 100 Continue\r\n\r\n"});
}

void Connection::Exchange::check_readable() const {
  if (phase_ == Phase::upgraded)
    throw Error(ErrorCode::internal, "reading the request body: the connection was upgraded");
  if (given_up_) throw Error(ErrorCode::unavailable, "reading the request body: it was given up");
}

// A deadline that passes at once ends a pending read; the connection ends after the answer.
void Connection::Exchange::give_up() {
  if (source_.done() || upgraded()) return;
  given_up_ = true;
  body_failed_ = true;
  connection_.stream_->set_read_deadline(std::chrono::milliseconds(1));
}

net::task<size_t> Connection::Exchange::read_some(std::span<char> into) {
  check_readable();
  if (continue_due_ && !source_.done()) co_await send_continue();
  std::optional<Error> failure;
  try {
    co_return co_await source_.read_some(into);
  } catch (const Error& error) {
    failure = body_failure(error);
  }
  body_failed_ = true;
  throw Error(*failure);
}

net::task<std::string> Connection::Exchange::read_all(uint64_t limit) {
  check_readable();
  if (limit == 0) limit = connection_.core_->options.limits.body_bytes;
  auto too_large = [limit] {
    return Error(ErrorCode::too_large,
                 "reading the request body: it is longer than " + std::to_string(limit) + " bytes");
  };
  if (content_length().value_or(0) > limit) throw too_large();
  std::string out;
  if (source_.done()) co_return out;
  if (continue_due_) co_await send_continue();
  if (auto idle = connection_.core_->options.limits.body_idle_time; idle.count() > 0)
    source_.end_within(kIdleTimesForWhole * idle);
  bool fits = true;
  std::optional<Error> failure;
  try {
    fits = co_await source_.read_rest(out, limit);
  } catch (const Error& error) {
    failure = body_failure(error);
  }
  if (failure) {
    body_failed_ = true;
    throw Error(*failure);
  }
  if (!fits) throw too_large();
  co_return out;
}

std::optional<uint64_t> Connection::Exchange::content_length() const {
  if (source_.framing().kind == BodyFraming::Kind::chunked) return std::nullopt;
  return source_.framing().length;
}

void Connection::Exchange::check_open(std::string_view doing) const {
  if (broken_) throw Error(ErrorCode::unavailable, std::string(doing) + ": the client is gone");
}

net::task<> Connection::Exchange::put(std::vector<std::string_view> parts) {
  check_open("writing a response");
  broken_ = true;  // until proven otherwise
  co_await connection_.write(std::move(parts));
  broken_ = false;
}

// The connection ends after this answer if the client or we want so, or if what it still sends cannot be told
// from the next request: a body that was not asked for (100-continue) or that is too long to read for
// nothing.
void Connection::Exchange::decide_persistence(const Headers& headers) {
  bool body_stays =
      !source_.done() && (body_failed_ || continue_due_ || source_.framing().length > kSmallRest);
  if (headers.has_token("Connection", "close") || connection_.core_->stopping || body_stays)
    connection_.keep_ = false;
  if (framing_ == Framing::until_close) connection_.keep_ = false;
}

void Connection::Exchange::build_head(int status, const Headers& headers, std::optional<uint64_t> length) {
  status_ = status;
  bool head_request = request_.method == "HEAD";
  framing_ = never_has_body(status) || head_request ? Framing::no_body
             : length                               ? Framing::length
             : http_1_0_                            ? Framing::until_close
                                                    : Framing::chunked;
  length_left_ = framing_ == Framing::length ? *length : 0;
  decide_persistence(headers);

  ServerCore& core = *connection_.core_;
  head_.reserve(256);
  append_status_line(head_, status);
  for (const auto& [name, value] : headers)
    if (!is_framing_header(name)) append_header(head_, name, value);
  for (const auto& [name, value] : added_)
    if (!is_framing_header(name)) append_header(head_, name, value);
  if (!headers.has("Date")) append_header(head_, "Date", core.date());
  if (!core.options.server_header.empty() && !headers.has("Server"))
    append_header(head_, "Server", core.options.server_header);
  if (core.options.echo_request_id && !headers.has("X-Request-ID"))
    append_header(head_, "X-Request-ID", request_.request_id);
  if (!never_has_body(status)) {
    if (length) {
      append_header(head_, "Content-Length", std::to_string(*length));
    } else if (framing_ == Framing::chunked || (head_request && !http_1_0_)) {
      append_header(head_, "Transfer-Encoding", "chunked");
    }
  }
  if (!connection_.keep_) {
    append_header(head_, "Connection", "close");
  } else if (http_1_0_) {
    append_header(head_, "Connection", "keep-alive");
  }
  head_ += "\r\n";
}

net::task<> Connection::Exchange::send(Response response) {
  if (started()) throw Error(ErrorCode::internal, "sending a response: one was started already");
  build_head(response.status, response.headers, response.body.size());
  phase_ = Phase::streaming;
  std::vector<std::string_view> parts{head_};
  if (framing_ == Framing::length && !response.body.empty()) parts.push_back(response.body);
  if (!connection_.hold_back(parts)) co_await put(std::move(parts));
  phase_ = Phase::finished;
}

void Connection::Exchange::start(int status, Headers headers) {
  if (started()) throw Error(ErrorCode::internal, "starting a response: one was started already");
  build_head(status, headers, declared_length(headers));
  phase_ = Phase::head_pending;
}

net::task<> Connection::Exchange::flush_head() {
  check_open("writing a response head");
  if (phase_ != Phase::head_pending) co_return;
  phase_ = Phase::streaming;
  co_await put({head_});
}

net::task<> Connection::Exchange::write(std::string_view bytes) {
  check_open("writing a response body");
  if (phase_ != Phase::head_pending && phase_ != Phase::streaming)
    throw Error(ErrorCode::internal, "writing a response body: none is open");
  if (bytes.empty()) co_return;
  std::vector<std::string_view> parts;
  parts.reserve(4);
  if (phase_ == Phase::head_pending) parts.push_back(head_);
  phase_ = Phase::streaming;
  std::string size;
  if (framing_ == Framing::chunked) {
    append_chunk_size(size, bytes.size());
    parts.insert(parts.end(), {size, bytes, "\r\n"});
  } else if (framing_ != Framing::no_body) {
    if (framing_ == Framing::length) take_from_length(bytes.size());
    parts.push_back(bytes);
  }
  if (!parts.empty()) co_await put(std::move(parts));
}

net::task<> Connection::Exchange::write_file(net::FileRegion region, net::Offload offload) {
  co_await flush_head();
  check_open("writing a response body");
  if (phase_ != Phase::streaming) throw Error(ErrorCode::internal, "writing a response body: none is open");
  if (framing_ == Framing::no_body) co_return;
  if (framing_ != Framing::length)
    throw Error(ErrorCode::internal, "writing a file as a response body: its length was not given");
  take_from_length(region.length);
  broken_ = true;  // until proven otherwise
  co_await connection_.write_file(std::move(region), std::move(offload));
  broken_ = false;
}

net::task<> Connection::Exchange::finish(std::string_view last) {
  check_open("finishing a response");
  if (phase_ != Phase::head_pending && phase_ != Phase::streaming)
    throw Error(ErrorCode::internal, "finishing a response: none is open");
  std::vector<std::string_view> parts;
  parts.reserve(4);
  if (phase_ == Phase::head_pending) parts.push_back(head_);
  phase_ = Phase::streaming;
  std::string size;
  if (framing_ == Framing::chunked && !last.empty()) {
    append_chunk_size(size, last.size());
    parts.insert(parts.end(), {size, last, "\r\n0\r\n\r\n"});
  } else if (framing_ == Framing::chunked) {
    parts.push_back("0\r\n\r\n");
  } else if (framing_ != Framing::no_body && !last.empty()) {
    if (framing_ == Framing::length) take_from_length(last.size());
    parts.push_back(last);
  }
  if (framing_ == Framing::length && length_left_ > 0)
    throw Error(ErrorCode::internal, "finishing a response: it is shorter than its Content-Length");
  if (!parts.empty()) co_await put(std::move(parts));
  phase_ = Phase::finished;
}

void Connection::Exchange::add_header(std::string name, std::string value) {
  added_.add(std::move(name), std::move(value));
}

void Connection::Exchange::take_from_length(uint64_t bytes) {
  if (bytes > length_left_)
    throw Error(ErrorCode::internal, "writing a response body: it is longer than its Content-Length");
  length_left_ -= bytes;
}

net::Stream& Connection::Exchange::stream() {
  if (upgraded()) throw Error(ErrorCode::internal, "using the connection: it was upgraded");
  return *connection_.stream_;
}

net::task<> Connection::Exchange::settle() {
  if (body_failed_) connection_.keep_ = false;
  if (!connection_.keep_ || source_.done()) {
    connection_.linger_ = !source_.done();
    co_return;
  }
  bool clean = false;
  try {
    clean = co_await source_.drain(kSmallRest, kRestTime);
  } catch (const Error&) {  // the answer is out; a client that cannot end its body only loses the connection
  }
  if (clean) co_return;
  connection_.keep_ = false;
  connection_.linger_ = true;
}

void Connection::Exchange::abandon() {
  connection_.keep_ = false;
  if (!connection_.stream_) return;
  if (framing_ == Framing::until_close) {  // an orderly end would look like the end of the body
    ::linger reset{1, 0};
    ::setsockopt(connection_.stream_->native_handle(), SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    connection_.stream_.reset();
    return;
  }
  connection_.stream_->close();
}

}  // namespace osb::http
