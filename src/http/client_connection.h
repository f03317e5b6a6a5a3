// One connection of the client: a request goes out, the head of its answer comes in. Internal to client and
// proxy.
#pragma once

#include <memory>
#include <string>

#include "base/error.h"
#include "http/client.h"
#include "http/codec.h"
#include "http/input_buffer.h"
#include "net/stream.h"
#include "net/timer.h"

namespace osb::http {

// The target could not be reached; nothing was sent.
class ConnectError : public Error {
 public:
  using Error::Error;
};

struct ClientConnection {
  explicit ClientConnection(std::unique_ptr<net::Stream> s) : stream(std::move(s)) {}

  // Throws ConnectError.
  static net::task<std::shared_ptr<ClientConnection>> open(net::asio::any_io_executor executor, Target target,
                                                           std::chrono::milliseconds limit);
  // Nothing came in while it was kept, not even an end.
  bool still_fresh() const;
  // Head of the final answer; 1xx before it are skipped, 101 is final. Sets `answered` with the first byte.
  net::task<ResponseHead> read_head(std::string method, size_t header_bytes);
  // In slices, each of which must be taken within `idle_time`.
  net::task<> write(std::vector<std::string_view> parts, std::chrono::milliseconds idle_time);

  std::unique_ptr<net::Stream> stream;
  InputBuffer buffer;
  bool answered = false;  // a byte of the answer came
  bool head_read = false;
};

// What comes out of a bad or broken answer: unavailable or timeout, never `invalid` (that is the caller's
// fault).
Error answer_failure(const Error& error);

std::string host_of(const Target& target);

// A body on its way to the server, beside the reading of its answer.
struct Upload {
  explicit Upload(net::asio::any_io_executor executor) : ended(std::move(executor)) {}

  net::Event ended;
  BodyReader* source = nullptr;
  std::optional<uint64_t> length;
  std::optional<Error> source_failure;
  bool stop = false;      // the answer is there: what is left need not be sent
  bool complete = false;  // the whole body is on its way
  bool done = false;      // `source` is not used any more

  net::task<> wait_done() {
    while (!done) co_await ended.wait();
  }
  // Ends it soon.
  void give_up() {
    stop = true;
    if (!done) source->give_up();
  }
};

// The answer on a connection, given to `keep` when its body was read and another request may follow.
using KeepConnection = std::function<void(std::shared_ptr<ClientConnection>)>;
std::unique_ptr<ClientResponse> make_answer(std::shared_ptr<ClientConnection> connection, ResponseHead head,
                                            std::shared_ptr<Upload> upload,
                                            std::chrono::milliseconds body_idle_time, KeepConnection keep);

}  // namespace osb::http
