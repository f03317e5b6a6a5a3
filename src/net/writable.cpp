// wait_writable() duplicates the descriptor because a poller takes each descriptor number once.
#include "net/writable.h"

#include <fcntl.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/error.h"

namespace osb::net {

task<> wait_writable(int fd) {
  int copy = check(::fcntl(fd, F_DUPFD_CLOEXEC, 0), "duplicating a descriptor");
  asio::posix::stream_descriptor descriptor(co_await asio::this_coro::executor, copy);  // closes the copy
  boost::system::error_code error;
  co_await descriptor.async_wait(asio::posix::descriptor_base::wait_write,
                                 asio::redirect_error(asio::use_awaitable, error));
}

struct Writable::State {
  State(asio::any_io_executor executor, int fd) : descriptor(executor) {
    boost::system::error_code error;
    descriptor.assign(fd, error);
    if (error) throw system_error("watching a descriptor", error.value());
  }
  ~State() { descriptor.release(); }

  asio::posix::stream_descriptor descriptor;
  bool cancelled = false;
};

Writable::Writable(asio::any_io_executor executor, int fd)
    : state_(std::make_unique<State>(std::move(executor), fd)) {}
Writable::~Writable() = default;

task<> Writable::wait() {
  boost::system::error_code error = asio::error::operation_aborted;
  if (!state_->cancelled)
    co_await state_->descriptor.async_wait(asio::posix::descriptor_base::wait_write,
                                           asio::redirect_error(asio::use_awaitable, error));
  if (error) throw Error(ErrorCode::unavailable, "waiting to write: " + error.message());
}

void Writable::cancel() {
  state_->cancelled = true;
  boost::system::error_code ignored;
  state_->descriptor.cancel(ignored);
}

}  // namespace osb::net
