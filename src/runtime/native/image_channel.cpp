#include "runtime/native/image_channel.h"

#include "base/error.h"
#include "launcher/launcher_socket.h"
#include "net/timer.h"
#include "net/writable.h"

namespace osb::runtime {

namespace {

using Clock = std::chrono::steady_clock;

constexpr uint64_t kNumber = 1;           // the only request of its connection
constexpr uint32_t kFirstWithImages = 2;  // protocol version

}  // namespace

struct ImageChannel::State {
  State(const net::asio::any_io_executor& executor, Fd connection, Limits limits)
      : socket(std::move(connection)),
        copy(duplicate(socket.get())),  // a poller takes each descriptor number once
        limits(limits),
        patience(limits.greeting),
        deadline(Clock::now() + patience),
        changed(executor) {
    readable.emplace(executor, socket.get());
    writable.emplace(executor, copy.get());
  }
  void expect_progress() { deadline = Clock::now() + patience; }
  void cancel() {
    expired = true;
    readable->cancel();
    writable->cancel();
  }
  void close() {
    closed = true;
    readable.reset();
    writable.reset();
    copy.reset();
    socket.reset();
    changed.notify();
  }
  Error failure(const Error& error) const {
    if (!expired) return error;
    return Error(ErrorCode::timeout, "changing the image store: the launcher takes too long");
  }

  Fd socket, copy;
  std::optional<net::Readable> readable;
  std::optional<net::Writable> writable;
  Limits limits;
  Milliseconds patience;
  Clock::time_point deadline;
  bool waiting = false;  // for the launcher; else for whoever sends the archive
  bool expired = false, closed = false;
  net::Event changed;  // `closed` or `patience`
};

ImageChannel::ImageChannel(net::asio::any_io_executor executor, Fd connection, Limits limits)
    : state_(std::make_shared<State>(executor, std::move(connection), limits)) {
  net::spawn(executor, "image channel", watch_time(state_));
}

ImageChannel::~ImageChannel() { state_->close(); }

net::task<> ImageChannel::watch_time(std::shared_ptr<State> state) {
  while (!state->closed) {
    if (!state->waiting) state->expect_progress();
    auto left = std::chrono::ceil<Milliseconds>(state->deadline - Clock::now());
    if (left.count() <= 0) co_return state->cancel();
    co_await state->changed.wait_for(left);
  }
}

// What has arrived; nullopt when there is nothing yet. A connection that was reset may still hold the answer
// behind the news of that.
std::optional<launcher::Reply> ImageChannel::look() {
  for (bool again = true;; again = false) {
    try {
      std::optional<std::string> packet = launcher::receive_packet(state_->socket.get());
      if (!packet) return std::nullopt;
      return launcher::decode_reply(*packet);
    } catch (const Error& error) {
      if (!again || error.code() != ErrorCode::unavailable) throw;
    }
  }
}

net::task<launcher::Reply> ImageChannel::next() {
  std::shared_ptr<State> state = state_;
  state->expect_progress();
  state->waiting = true;
  for (;;) {
    if (std::optional<launcher::Reply> reply = look()) {
      state->waiting = false;
      co_return std::move(*reply);
    }
    std::optional<Error> failure;
    try {
      co_await state->readable->wait();
    } catch (const Error& error) {
      failure = state->failure(error);
    }
    if (failure) throw Error(*failure);
  }
}

net::task<> ImageChannel::open(launcher::RequestBody request) {
  launcher::Reply first = co_await next();
  auto* hello = std::get_if<launcher::HelloEvent>(&first.body);
  if (!hello) throw Error(ErrorCode::unavailable, "changing the image store: the launcher did not say hello");
  if (hello->version < kFirstWithImages)
    throw Error(
        ErrorCode::unsupported,
        "changing the image store: the launcher is of an earlier release and stays until its sandboxes "
        "have ended; use `opensandbox image` on the server's machine meanwhile",
        "NATIVE::IMAGES_NOT_SUPPORTED");
  co_await send(std::move(request));
  state_->patience = state_->limits.step;
  state_->changed.notify();
}

net::task<bool> ImageChannel::send(launcher::RequestBody part) {
  std::string packet = launcher::encode(launcher::Request{kNumber, std::move(part)});
  std::shared_ptr<State> state = state_;
  state->expect_progress();
  state->waiting = true;
  for (;;) {
    early_ = look();
    if (early_ || launcher::send_packet(state->socket.get(), packet)) {
      state->waiting = false;
      co_return !early_;
    }
    std::optional<Error> failure;
    try {
      co_await state->writable->wait();
    } catch (const Error& error) {
      failure = state->failure(error);
    }
    if (failure) throw Error(*failure);
  }
}

net::task<launcher::ReplyBody> ImageChannel::reply() {
  launcher::Reply reply = early_ ? std::move(*early_) : co_await next();
  if (auto* error = std::get_if<launcher::ErrorReply>(&reply.body)) throw Error(error->code, error->message);
  co_return std::move(reply.body);
}

}  // namespace osb::runtime
