// A descriptor that somebody else owns, in the poller of a loop: what Readable and Writable have in common.
// Inside this room only.
#pragma once

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/error.h"
#include "net/task.h"

namespace osb::net {

class DescriptorWatch {
 public:
  using For = asio::posix::descriptor_base::wait_type;

  // Throws Error for a descriptor that cannot be watched, or is already.
  DescriptorWatch(asio::any_io_executor executor, int fd) : descriptor_(executor) {
    boost::system::error_code error;
    descriptor_.assign(fd, error);
    if (error) throw system_error("watching a descriptor", error.value());
  }
  ~DescriptorWatch() { descriptor_.release(); }

  // Throws Error(unavailable) when cancel() ran.
  task<> wait(For what) {
    boost::system::error_code error = asio::error::operation_aborted;
    if (!cancelled_) co_await descriptor_.async_wait(what, asio::redirect_error(asio::use_awaitable, error));
    if (error) throw Error(ErrorCode::unavailable, "waiting for a descriptor: " + error.message());
  }
  void cancel() {
    cancelled_ = true;
    boost::system::error_code ignored;
    descriptor_.cancel(ignored);
  }

 private:
  asio::posix::stream_descriptor descriptor_;
  bool cancelled_ = false;
};

}  // namespace osb::net
