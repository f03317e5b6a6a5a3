#include "http/client.h"

#include <algorithm>
#include <deque>
#include <map>
#include <vector>

#include "http/client_connection.h"
#include "net/timer.h"

namespace osb::http {

namespace {
using Clock = std::chrono::steady_clock;

constexpr size_t kIdleInAll = 1024;
constexpr size_t kUploadRead = 64 * 1024;
// After a broken upload: for the answer that the server may have sent before it hung up.
constexpr auto kLastWords = std::chrono::seconds(5);

std::string key_of(const Target& target) {
  return target.unix_path.empty() ? target.host + " " + std::to_string(target.port) : target.unix_path;
}

bool wants_length(std::string_view method) {
  return method == "POST" || method == "PUT" || method == "PATCH";
}

// Whether doing it twice is the same as once. A POST that broke may have been done.
bool is_idempotent(std::string_view method) {
  constexpr std::string_view kMethods[] = {"GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"};
  return std::find(std::begin(kMethods), std::end(kMethods), method) != std::end(kMethods);
}

std::string request_head(const Target& target, const ClientRequest& request) {
  std::string text;
  append_request_line(text, request.method, request.target);
  if (!request.headers.has("Host")) append_header(text, "Host", host_of(target));
  for (const auto& [name, value] : request.headers)
    if (!equal_ignoring_case(name, "Content-Length") && !equal_ignoring_case(name, "Transfer-Encoding"))
      append_header(text, name, value);
  std::optional<uint64_t> length =
      request.body_source ? request.body_source->content_length() : request.body.size();
  if (!length) {
    append_header(text, "Transfer-Encoding", "chunked");
  } else if (*length > 0 || wants_length(request.method)) {
    append_header(text, "Content-Length", std::to_string(*length));
  }
  text += "\r\n";
  return text;
}

// Sends the pieces of the body as they come. False when the answer made it pointless.
net::task<bool> send_pieces(ClientConnection& connection, Upload& upload,
                            std::chrono::milliseconds idle_time) {
  std::string buffer(kUploadRead, '\0');
  uint64_t left = upload.length.value_or(0);
  while (!upload.stop && (!upload.length || left > 0)) {
    size_t count = 0;
    try {
      count = co_await upload.source->read_some(buffer);
      if (upload.length && (count == 0 || count > left))
        throw Error(ErrorCode::internal,
                    "sending an HTTP request: the body does not have its declared length");
    } catch (const Error& error) {
      if (!upload.stop) upload.source_failure = error;
      co_return false;
    }
    if (upload.stop) co_return false;
    std::string_view bytes(buffer.data(), count);
    left -= upload.length ? count : 0;
    if (upload.length) {
      co_await connection.write({bytes}, idle_time);
    } else if (count > 0) {
      std::string size;
      append_chunk_size(size, count);
      co_await connection.write({size, bytes, "\r\n"}, idle_time);
    } else {
      co_await connection.write({"0\r\n\r\n"}, idle_time);
      co_return true;
    }
  }
  co_return !upload.stop;
}

net::task<> run_upload(std::shared_ptr<ClientConnection> connection, std::shared_ptr<Upload> upload,
                       std::chrono::milliseconds response_time) {
  std::chrono::milliseconds patience = response_time;
  try {
    upload->complete = co_await send_pieces(*connection, *upload, response_time);
  } catch (const Error&) {  // the server hung up; perhaps it said why
    patience = kLastWords;
  }
  upload->done = true;
  upload->source = nullptr;
  if (upload->source_failure) {
    connection->stream->close();  // the server must not take the part for the whole
  } else if (!connection->head_read) {
    connection->stream->set_read_deadline(patience);
  }
  upload->ended.notify();
}

}  // namespace

struct Abort::State {
  std::weak_ptr<ClientConnection> connection;
  bool aborted = false;

  void watch(const std::shared_ptr<ClientConnection>& c) {
    connection = c;
    if (aborted) throw Error(ErrorCode::unavailable, "sending an HTTP request: it was aborted");
  }
};

Abort::Abort() : state_(std::make_shared<State>()) {}

void Abort::operator()() const {
  state_->aborted = true;
  if (auto connection = state_->connection.lock()) connection->stream->close();
}

struct Client::State : std::enable_shared_from_this<State> {
  State(net::asio::any_io_executor e, ClientOptions o) : executor(e), options(o), changed(e) {}

  struct Kept {
    std::shared_ptr<ClientConnection> connection;
    Clock::time_point since;
  };

  // A connection that can take a request now, the most recently used first; null if there is none.
  std::shared_ptr<ClientConnection> take(const std::string& key) {
    while (true) {
      auto found = kept.find(key);
      if (found == kept.end()) break;
      Kept last = std::move(found->second.back());
      found->second.pop_back();
      if (found->second.empty()) kept.erase(found);
      kept_in_all--;
      if (Clock::now() - last.since >= options.idle_time || !last.connection->still_fresh()) continue;
      last.connection->answered = last.connection->head_read = false;
      return last.connection;
    }
    return nullptr;
  }

  void keep(const std::string& key, std::shared_ptr<ClientConnection> connection) {
    connection->stream->set_read_deadline({});
    connection->stream->set_write_deadline({});
    connection->buffer.shrink_if_empty();
    if (closed || options.idle_per_target == 0 || kept_in_all >= kIdleInAll) return;
    auto& list = kept[key];
    if (list.size() >= options.idle_per_target) {
      list.pop_front();
      kept_in_all--;
    }
    list.push_back({std::move(connection), Clock::now()});
    kept_in_all++;
    if (!sweeping) {
      sweeping = true;
      net::spawn(executor, "http client sweep", sweep(shared_from_this()));
    }
  }

  // Drops what was idle for too long; runs only while something is kept.
  static net::task<> sweep(std::shared_ptr<State> state) {
    while (!state->closed && state->kept_in_all > 0) {
      auto pause =
          std::max<std::chrono::milliseconds>(state->options.idle_time, std::chrono::milliseconds(100));
      co_await state->changed.wait_for(pause);
      auto now = Clock::now();
      for (auto& [key, list] : state->kept) {
        while (!list.empty() && now - list.front().since >= state->options.idle_time) {
          list.pop_front();
          state->kept_in_all--;
        }
      }
      std::erase_if(state->kept, [](const auto& entry) { return entry.second.empty(); });
    }
    state->sweeping = false;
  }

  net::task<ResponseHead> exchange(std::shared_ptr<ClientConnection> connection, const Target& target,
                                   ClientRequest& request, std::shared_ptr<Upload>& upload);

  net::asio::any_io_executor executor;
  ClientOptions options;
  std::map<std::string, std::deque<Kept>> kept;
  size_t kept_in_all = 0;
  net::Event changed;
  bool sweeping = false;
  bool closed = false;
};

// Sends the request and reads the head of its answer, at the same time where the body is streamed.
net::task<ResponseHead> Client::State::exchange(std::shared_ptr<ClientConnection> connection,
                                                const Target& target, ClientRequest& request,
                                                std::shared_ptr<Upload>& upload) {
  if (request.abort) request.abort->state_->watch(connection);
  std::string head = request_head(target, request);
  std::optional<Error> write_failure;
  try {
    connection->stream->set_read_deadline(request.body_source ? std::chrono::milliseconds(0)
                                                              : options.response_time);
    co_await connection->write({head, request.body_source ? std::string_view() : request.body},
                               options.response_time);
  } catch (const Error& error) {
    write_failure = error;
    connection->stream->set_read_deadline(kLastWords);
  }
  if (request.body_source && !write_failure) {
    upload = std::make_shared<Upload>(executor);
    upload->source = request.body_source;
    upload->length = request.body_source->content_length();
    net::spawn(executor, "http upload", run_upload(connection, upload, options.response_time));
  }
  try {
    co_return co_await connection->read_head(request.method, options.header_bytes);
  } catch (const Error& error) {
    connection->stream->close();
    if (write_failure) throw *write_failure;
    throw answer_failure(error);
  }
}

Client::Client(net::asio::any_io_executor executor, ClientOptions options)
    : state_(std::make_shared<State>(std::move(executor), options)) {}

Client::~Client() {
  state_->closed = true;
  state_->kept.clear();
  state_->kept_in_all = 0;
  state_->changed.notify();
}

const ClientOptions& Client::options() const { return state_->options; }
net::asio::any_io_executor Client::executor() const { return state_->executor; }

net::task<std::unique_ptr<ClientResponse>> Client::send(Target target, ClientRequest request) {
  auto state = state_;
  std::string key = key_of(target);
  std::shared_ptr<ClientConnection> connection = state->take(key);
  bool kept = connection != nullptr;
  std::shared_ptr<Upload> upload;
  std::optional<ResponseHead> head;
  while (!head) {
    if (!connection)
      connection = co_await ClientConnection::open(state->executor, target, state->options.connect_time);
    std::optional<Error> failure;
    try {
      head = co_await state->exchange(connection, target, request, upload);
    } catch (const Error& error) {
      failure = error;
    }
    if (!failure) break;
    if (upload) {
      upload->give_up();
      co_await upload->wait_done();
      if (upload->source_failure) throw *upload->source_failure;
    }
    bool stale = kept && !connection->answered && failure->code() == ErrorCode::unavailable &&
                 !request.body_source && is_idempotent(request.method);
    if (!stale) throw *failure;
    kept = false;
    connection = nullptr;
  }
  if (head->status == 101) {
    connection->stream->close();
    if (upload) co_await upload->wait_done();
    throw Error(ErrorCode::unavailable, "reading an HTTP answer: the server switched protocols unasked");
  }
  if (upload && !request.full_duplex) {
    if (head->status >= 300) upload->give_up();
    co_await upload->wait_done();
    if (upload->source_failure) throw *upload->source_failure;
  }
  co_return make_answer(
      std::move(connection), std::move(*head), upload, state->options.body_idle_time,
      [state, key](std::shared_ptr<ClientConnection> c) { state->keep(key, std::move(c)); });
}

}  // namespace osb::http
