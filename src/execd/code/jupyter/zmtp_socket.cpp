#include "execd/code/jupyter/zmtp_socket.h"

#include <span>
#include <utility>

#include "base/defer.h"
#include "base/error.h"

namespace osb::execd {
namespace {

constexpr size_t kReadSize = 64 * 1024;
constexpr size_t kMaxAnswers = 64 * 1024;  // a peer that pings and does not read gets no more

}  // namespace

ZmtpSocket::ZmtpSocket(std::unique_ptr<net::Stream> stream, ZmtpType type, std::string identity)
    : stream_(std::move(stream)), decoder_(type, std::move(identity)), turn_(stream_->executor()) {}

net::task<> ZmtpSocket::shake_hands(std::chrono::milliseconds limit) {
  stream_->set_read_deadline(limit);
  stream_->set_write_deadline(limit);
  while (true) {
    std::string answers = decoder_.take_answers();
    if (!answers.empty()) co_await stream_->write(answers);
    if (decoder_.ready()) break;
    if (!co_await read_some())
      throw Error(ErrorCode::unavailable, "speaking ZMTP: the peer ended the connection");
  }
  stream_->set_read_deadline({});
  stream_->set_write_deadline({});
}

net::task<> ZmtpSocket::send(std::vector<std::string> frames) {
  std::string message = encode_zmtp(frames);
  frames.clear();
  while (sending_ && !cancelled_) co_await turn_.wait();
  if (cancelled_) throw Error(ErrorCode::unavailable, "speaking ZMTP: the connection is closed");
  sending_ = true;
  Defer done([this] {
    sending_ = false;
    turn_.notify();
  });
  std::string answers = std::exchange(answers_, {});
  co_await stream_->write({answers, message});
}

net::task<std::optional<ZmtpMessage>> ZmtpSocket::receive() {
  while (true) {
    if (auto message = decoder_.next()) co_return message;
    if (!co_await read_some()) co_return std::nullopt;
    answer();
  }
}

// The buffer lives as long as there is something to read: idle connections cost nothing.
net::task<bool> ZmtpSocket::read_some() {
  auto buffer = std::make_unique_for_overwrite<char[]>(kReadSize);
  size_t size = co_await stream_->read_some({buffer.get(), kReadSize});
  decoder_.feed({buffer.get(), size});
  co_return size > 0;
}

// Reading never waits for writing.
void ZmtpSocket::answer() {
  std::string more = decoder_.take_answers();
  if (answers_.size() + more.size() <= kMaxAnswers) answers_ += more;
  if (answers_.empty() || sending_) return;
  answers_.erase(0, stream_->write_now(answers_));
}

void ZmtpSocket::cancel() {
  cancelled_ = true;
  stream_->close();
  turn_.notify();
}

}  // namespace osb::execd
