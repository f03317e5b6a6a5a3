#include "execd/pty/input_queue.h"

#include <errno.h>
#include <unistd.h>

#include <utility>

namespace osb::execd {

namespace {
constexpr size_t kForgetBytes = 64 * 1024;  // written ones, at the front
}

InputQueue::InputQueue(net::asio::any_io_executor executor, Fd fd, Listener listener)
    : executor_(std::move(executor)), fd_(std::move(fd)), listener_(std::move(listener)) {
  writable_.emplace(executor_, fd_.get());
}

bool InputQueue::write(std::string_view bytes) {
  if (ended_ || stopped_) return false;
  waiting_.append(bytes);
  if (flushing_) return true;
  while (waiting() > 0 && write_some()) {}
  if (waiting() > 0 && !stopped_) {
    flushing_ = true;
    net::spawn(executor_, "terminal input", flush(shared_from_this()));
  }
  return true;
}

bool InputQueue::write_some() {
  ssize_t n = ::write(fd_.get(), waiting_.data() + begin_, waiting());
  if (n < 0 && errno == EINTR) return true;
  if (n <= 0) {
    if (n < 0 && errno != EAGAIN) fail(errno);
    return false;
  }
  begin_ += static_cast<size_t>(n);
  if (waiting() == 0 || begin_ > kForgetBytes) waiting_.erase(0, std::exchange(begin_, 0));
  return true;
}

net::task<> InputQueue::flush(std::shared_ptr<InputQueue> self) {
  try {
    while (!self->stopped_ && self->waiting() > 0) {
      if (self->write_some()) {
        if (self->listener_.progressed) self->listener_.progressed();
      } else if (!self->stopped_) {
        co_await self->writable_->wait();
      }
    }
  } catch (const Error&) {
    self->stopped_ = true;
  }
  self->flushing_ = false;
  if (self->stopped_ || self->ended_) self->close();
}

void InputQueue::fail(int err) {
  auto failed = std::move(listener_.failed);
  stop();
  if (failed) failed(system_error("writing to the terminal", err));
}

void InputQueue::end() {
  ended_ = true;
  if (!flushing_) close();
}

void InputQueue::stop() {
  stopped_ = true;
  listener_ = {};
  waiting_ = {};
  begin_ = 0;
  if (!flushing_) close();
  if (writable_) writable_->cancel();
}

void InputQueue::close() {
  writable_.reset();
  fd_.reset();
}

}  // namespace osb::execd
