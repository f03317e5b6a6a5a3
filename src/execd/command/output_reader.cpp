#include "execd/command/output_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/log.h"

namespace osb::execd {
namespace {

constexpr size_t kReadBytes = 64 * 1024;
constexpr size_t kSliceBytes = 8 * 1024;
constexpr int kPipeBytes = 256 * 1024;
constexpr int kReadsInARow = 4;  // then others on the loop have their turn

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
      if (self->held_.empty()) open = self->read_burst();  // else drain() came first
    } else {
      if (self->congested()) co_await self->resumed_.wait();
      self->give_held();
    }
  }
  self->discard_rest();
}

bool OutputReader::read_burst() {
  bool open = true;
  more_ = true;
  for (int i = 0; i < kReadsInARow && open && more_ && held_.empty(); ++i) {
    size_t got = 0;
    more_ = false;
    open = read_once(kReadBytes, got);
  }
  return open;
}

bool OutputReader::read_once(size_t limit, size_t& got) {
  char buffer[kReadBytes];
  limit = std::min(limit, sizeof buffer);
  ssize_t n = ::read(pipe_.get(), buffer, limit);
  if (n < 0) return errno == EAGAIN || errno == EINTR;
  got = static_cast<size_t>(n);
  more_ = got == limit;
  if (got == sizeof buffer) grow_pipe();
  if (held_.empty())
    give({buffer, got});
  else
    held_.append(buffer, got);
  return n > 0;
}

void OutputReader::grow_pipe() {
  if (std::exchange(grown_, true)) return;
  int size = ::fcntl(pipe_.get(), F_GETPIPE_SZ);  // the command may have made it larger itself
  if (size < kPipeBytes && ::fcntl(pipe_.get(), F_SETPIPE_SZ, kPipeBytes) < 0)
    log_debug("an output pipe keeps its size");
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
  if (done_) take_last_bytes();
}

void OutputReader::take_last_bytes() {
  while (last_bytes_ > 0 && held_.empty()) {
    size_t got = 0;
    bool open = read_once(last_bytes_, got);
    last_bytes_ = open && got > 0 ? last_bytes_ - got : 0;
  }
  if (last_bytes_ > 0 || !held_.empty()) return;
  discard_rest();
  std::exchange(done_, nullptr)();
}

size_t OutputReader::waiting_bytes() const {
  int waiting = 0;
  if (::ioctl(pipe_.get(), FIONREAD, &waiting) != 0) return 0;
  return static_cast<size_t>(std::max(waiting, 0));
}

void OutputReader::resume() {
  give_held();
  resumed_.notify();
}

void OutputReader::drain() {
  for (size_t left = waiting_bytes(); left > 0;) {
    size_t got = 0;
    if (!read_once(left, got) || got == 0) return;
    left -= got;
  }
}

void OutputReader::finish(std::function<void()> done) {
  last_bytes_ = waiting_bytes();
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
