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

Fd non_blocking(Fd fd) {
  check(::fcntl(fd.get(), F_SETFL, O_NONBLOCK), "preparing an output pipe");
  return fd;
}

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
  while (true) {
    if (self->consumer_.congested && self->consumer_.congested()) {
      co_await self->resumed_.wait();
      continue;
    }
    co_await self->readable_.wait();
    size_t got = 0;
    if (!self->read_once(kReadBytes, got)) break;
  }
  self->discard_rest();
}

bool OutputReader::read_once(size_t limit, size_t& got) {
  char buffer[kReadBytes];
  limit = std::min(limit, sizeof buffer);
  ssize_t n = ::read(pipe_.get(), buffer, limit);
  if (n < 0) return errno == EAGAIN || errno == EINTR;
  got = static_cast<size_t>(n);
  if (n > 0 && consumer_.take) consumer_.take({buffer, got}, got == limit);
  return n > 0;
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

void OutputReader::discard_rest() {
  consumer_ = {};
  resumed_.notify();
}

}  // namespace osb::execd
