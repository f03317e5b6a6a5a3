// The descriptor is duplicated because a poller takes each descriptor number once.
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

}  // namespace osb::net
