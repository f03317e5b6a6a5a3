#include "execd/code/program_output.h"

#include <fcntl.h>
#include <signal.h>

#include <memory>
#include <optional>
#include <utility>

#include "base/error.h"
#include "net/timer.h"

namespace osb::execd {
namespace {

using Clock = std::chrono::steady_clock;

std::string read_what_is_there(int fd) {
  std::string out;
  char buffer[4096];
  for (ssize_t size; (size = ::read(fd, buffer, sizeof(buffer))) > 0;)
    out.append(buffer, static_cast<size_t>(size));
  return out;
}

}  // namespace

net::task<std::string> program_output(net::asio::any_io_executor executor, Reaper& reaper,
                                      sys::ChildSpec spec, std::chrono::milliseconds limit) {
  struct End {
    explicit End(net::asio::any_io_executor executor) : changed(std::move(executor)) {}
    net::Event changed;
    std::optional<sys::ExitStatus> status;
  };
  auto end = std::make_shared<End>(executor);
  // The write end does not block either: a program that says too much fails instead of waiting for us.
  Pipe pipe = make_pipe(O_NONBLOCK);
  spec.fds.emplace_back(1, pipe.write.get());
  sys::Child child = reaper.start(spec, [end](sys::ExitStatus status) {
    end->status = status;
    end->changed.notify();
  });
  pipe.write.reset();
  Clock::time_point until = Clock::now() + limit;
  while (!end->status) {
    auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now());
    if (left.count() <= 0) {
      ::kill(-child.pid, SIGKILL);
      throw Error(ErrorCode::timeout, "running " + spec.program + ": it takes too long");
    }
    co_await end->changed.wait_for(left);
  }
  if (end->status->code != 0)
    throw Error(ErrorCode::unavailable, "running " + spec.program + ": " + end->status->text());
  co_return read_what_is_there(pipe.read.get());
}

}  // namespace osb::execd
