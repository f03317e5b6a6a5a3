#include "execd/command/output_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "base/error.h"

namespace osb::execd {
namespace {

constexpr size_t kReadBytes = 64 * 1024;
constexpr size_t kSliceBytes = 8 * 1024;

}  // namespace

OutputReader::OutputReader(net::asio::any_io_executor executor, Fd pipe, Consumer consumer)
    : pipe_(non_blocking(std::move(pipe))),
      readable_(executor, pipe_.get()),
      resumed_(executor),
      consumer_(std::move(consumer)) {}

std::shared_ptr<OutputReader> OutputReader::start(net::asio::any_io_executor executor, Fd pipe,
                                                  Consumer consumer) {
  auto reader = std::make_shared<OutputReader>(executor, std::move(pipe), std::move(consumer));
  net::spawn(executor, "command output", run(reader));
  return reader;
}

net::task<> OutputReader::run(std::shared_ptr<OutputReader> self) {
  for (bool open = true; open;) {
    if (self->held_.empty()) {
      co_await self->readable_.wait();
      size_t got = 0;
      if (self->held_.empty()) open = self->read_once(kReadBytes, got);  // else drain() came first
    } else {
      if (self->congested()) co_await self->resumed_.wait();
      self->give_held();
    }
  }
  self->discard_rest();
}

bool OutputReader::read_once(size_t limit, size_t& got) {
  char buffer[kReadBytes];
  limit = std::min(limit, sizeof buffer);
  ssize_t n = ::read(pipe_.get(), buffer, limit);
  if (n < 0) return errno == EAGAIN || errno == EINTR;
  got = static_cast<size_t>(n);
  more_ = got == limit;
  if (held_.empty())
    give({buffer, got});
  else
    held_.append(buffer, got);
  return n > 0;
}

void OutputReader::give(std::string_view bytes) {
  while (!bytes.empty() && consumer_.take) {
    if (congested()) {
      held_ = bytes;
      return;
    }
    std::string_view slice = consumer_.congested ? bytes.substr(0, kSliceBytes) : bytes;
    bytes.remove_prefix(slice.size());
    consumer_.take(slice, more_ || !bytes.empty());
  }
}

void OutputReader::give_held() {
  std::string held = std::exchange(held_, {});
  give(held);
  if (!done_ || !held_.empty()) return;
  discard_rest();
  std::exchange(done_, nullptr)();
}

void OutputReader::resume() {
  give_held();
  resumed_.notify();
}

void OutputReader::drain() {
  int waiting = 0;
  if (::ioctl(pipe_.get(), FIONREAD, &waiting) != 0) return;
  for (size_t left = static_cast<size_t>(std::max(waiting, 0)); left > 0;) {
    size_t got = 0;
    if (!read_once(left, got) || got == 0) return;
    left -= got;
  }
}

void OutputReader::finish(std::function<void()> done) {
  drain();
  done_ = std::move(done);
  give_held();
}

void OutputReader::restart(Consumer consumer) {
  drain();
  consumer_ = std::move(consumer);
}

void OutputReader::discard_rest() {
  consumer_ = {};
  held_ = {};
  resumed_.notify();
}

}  // namespace osb::execd
