#include "execd/code/output_pipe.h"

#include <fcntl.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/error.h"
#include "execd/output_allowance.h"

namespace osb::execd {

Pipe make_output_pipe() {
  Pipe pipe = make_pipe();
  check(::fcntl(pipe.read.get(), F_SETFL, O_NONBLOCK), "making an output pipe");
  return pipe;
}

OutputPipe::OutputPipe(net::asio::any_io_executor executor, Fd read_end)
    : fd_(std::move(read_end)), readable_(std::move(executor), fd_.get()) {}

size_t OutputPipe::read_some(std::string& out, size_t limit) {
  char buffer[kChunk];
  ssize_t size = ::read(fd_.get(), buffer, std::min(limit, sizeof(buffer)));
  if (size > 0) out.append(buffer, static_cast<size_t>(size));
  if (size == 0 || (size < 0 && errno != EAGAIN && errno != EINTR)) ended_ = true;
  return size > 0 ? static_cast<size_t>(size) : 0;
}

bool OutputPipe::read(std::string& out) {
  std::string text = std::exchange(held_, {});
  read_some(text, kChunk);
  size_t complete = ended_ ? text.size() : complete_utf8(text);
  held_ = text.substr(complete);
  out.append(text, 0, complete);
  return !ended_;
}

void OutputPipe::drain(std::string& out) {
  int waiting = 0;
  ::ioctl(fd_.get(), FIONREAD, &waiting);
  out += std::exchange(held_, {});
  while (waiting > 0) {
    size_t got = read_some(out, static_cast<size_t>(waiting));
    if (got == 0) return;
    waiting -= static_cast<int>(got);
  }
}

}  // namespace osb::execd
