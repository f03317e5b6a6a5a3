#include "http/client_connection.h"

#include <sys/socket.h>

#include "http/body_source.h"
#include "http/write_slice.h"

namespace osb::http {

namespace {
constexpr int kMaxInterimAnswers = 16;

class Answer final : public ClientResponse {
 public:
  Answer(std::shared_ptr<ClientConnection> connection, ResponseHead head, std::shared_ptr<Upload> upload,
         std::chrono::milliseconds idle_time, KeepConnection keep)
      : connection_(std::move(connection)),
        head_(std::move(head)),
        upload_(std::move(upload)),
        source_(*connection_->stream, connection_->buffer, head_.body, idle_time),
        keep_(std::move(keep)) {
    release_at_end();
  }
  ~Answer() override {
    if (upload_) upload_->stop = true;
    if (connection_) connection_->stream->close();
  }

  int status() const override { return head_.status; }
  const Headers& headers() const override { return head_.headers; }
  bool at_end() const override { return source_.done(); }
  bool ready() const override { return source_.done() || (connection_ && !connection_->buffer.empty()); }

  net::task<size_t> read_some(std::span<char> into) override {
    if (source_.done()) co_return 0;
    size_t count = 0;
    try {
      count = co_await source_.read_some(into);
    } catch (const Error& error) {
      if (upload_ && upload_->source_failure) throw *upload_->source_failure;
      throw answer_failure(error);
    }
    release_at_end();
    co_return count;
  }

  net::task<std::string> read_all(uint64_t limit) override {
    if (limit == 0) limit = Limits{}.body_bytes;
    std::string out;
    if (source_.done()) co_return out;
    bool fits = false;
    try {
      fits = co_await source_.read_rest(out, limit);
    } catch (const Error& error) {
      throw answer_failure(error);
    }
    if (!fits)
      throw Error(ErrorCode::too_large,
                  "reading an HTTP answer: it is longer than " + std::to_string(limit) + " bytes");
    release_at_end();
    co_return out;
  }

  std::optional<uint64_t> content_length() const override {
    using Kind = BodyFraming::Kind;
    if (head_.body.kind == Kind::chunked || head_.body.kind == Kind::until_close) return std::nullopt;
    return head_.body.length;
  }

  net::task<> upload_done() override {
    if (!upload_ || upload_->done) co_return;
    if (source_.done()) {
      upload_->give_up();
      // It may be stuck in a write to a server that answered and reads no more.
      if (connection_) connection_->stream->close();
    }
    co_await upload_->wait_done();
  }

 private:
  void release_at_end() {
    if (!source_.done() || !connection_) return;
    bool usable = head_.keep_alive && connection_->buffer.empty() && (!upload_ || upload_->complete);
    if (usable && keep_) {
      keep_(std::exchange(connection_, nullptr));
    } else if (!upload_ || upload_->done) {
      std::exchange(connection_, nullptr)->stream->close();
    }
  }

  std::shared_ptr<ClientConnection> connection_;
  ResponseHead head_;
  std::shared_ptr<Upload> upload_;
  BodySource source_;
  KeepConnection keep_;
};

}  // namespace

Error answer_failure(const Error& error) {
  bool late = error.code() == ErrorCode::timeout;
  return Error(late ? ErrorCode::timeout : ErrorCode::unavailable, error.message());
}

std::string host_of(const Target& target) {
  if (!target.unix_path.empty()) return "localhost";
  std::string host = target.host.find(':') != std::string::npos && !target.host.starts_with('[')
                         ? "[" + target.host + "]"
                         : target.host;
  return target.port == 80 ? host : host + ":" + std::to_string(target.port);
}

net::task<std::shared_ptr<ClientConnection>> ClientConnection::open(net::asio::any_io_executor executor,
                                                                    Target target,
                                                                    std::chrono::milliseconds limit) {
  try {
    std::unique_ptr<net::Stream> stream;
    if (target.unix_path.empty()) {
      stream = co_await net::connect_tcp(executor, target.host, target.port, limit);
    } else {
      stream = co_await net::connect_unix(executor, target.unix_path, limit);
    }
    co_return std::make_shared<ClientConnection>(std::move(stream));
  } catch (const Error& error) {
    throw ConnectError(error.code() == ErrorCode::timeout ? ErrorCode::timeout : ErrorCode::unavailable,
                       error.message());
  }
}

bool ClientConnection::still_fresh() const {
  char byte;
  return buffer.empty() && ::recv(stream->native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
         (errno == EAGAIN || errno == EINTR);
}

net::task<ResponseHead> ClientConnection::read_head(std::string method, size_t header_bytes) {
  HeadScanner scanner(header_bytes);
  int interim = 0;
  while (true) {
    if (size_t length = scanner.scan(buffer.view())) {
      ResponseHead head = parse_response_head(buffer.view().substr(0, length), method);
      buffer.consume(length);
      if (head.status >= 200 || head.status == 101) {
        head_read = true;
        co_return head;
      }
      if (++interim > kMaxInterimAnswers)
        throw Error(ErrorCode::unavailable, "reading an HTTP answer: only interim answers came");
      scanner.restart();
      continue;
    }
    size_t count = co_await stream->read_some(buffer.room());
    if (count == 0)
      throw Error(ErrorCode::unavailable, "reading an HTTP answer: the server ended the connection");
    answered = true;
    buffer.committed(count);
  }
}

net::task<> ClientConnection::write(std::vector<std::string_view> parts,
                                    std::chrono::milliseconds idle_time) {
  std::vector<std::string_view> slice;
  size_t room = kWriteSlice;
  for (std::string_view part : parts) {
    while (!part.empty()) {
      slice.push_back(part.substr(0, room));
      room -= slice.back().size();
      part.remove_prefix(slice.back().size());
      if (room > 0) continue;
      stream->set_write_deadline(idle_time);
      co_await stream->write(std::exchange(slice, {}));
      room = kWriteSlice;
    }
  }
  if (slice.empty()) co_return;
  stream->set_write_deadline(idle_time);
  co_await stream->write(std::move(slice));
}

std::unique_ptr<ClientResponse> make_answer(std::shared_ptr<ClientConnection> connection, ResponseHead head,
                                            std::shared_ptr<Upload> upload,
                                            std::chrono::milliseconds body_idle_time, KeepConnection keep) {
  return std::make_unique<Answer>(std::move(connection), std::move(head), std::move(upload), body_idle_time,
                                  std::move(keep));
}

}  // namespace osb::http
