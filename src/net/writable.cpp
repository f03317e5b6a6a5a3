// wait_writable() duplicates the descriptor because a poller takes each descriptor number once.
#include "net/writable.h"

#include <boost/asio/this_coro.hpp>

#include "base/fd.h"
#include "net/descriptor_watch.h"

namespace osb::net {

constexpr auto kWrite = asio::posix::descriptor_base::wait_write;

task<> wait_writable(int fd) {
  Fd copy = duplicate(fd);
  DescriptorWatch watch(co_await asio::this_coro::executor, copy.get());
  co_await watch.wait(kWrite);
}

struct Writable::State : DescriptorWatch {
  using DescriptorWatch::DescriptorWatch;
};

Writable::Writable(asio::any_io_executor executor, int fd)
    : state_(std::make_unique<State>(std::move(executor), fd)) {}
Writable::~Writable() = default;

task<> Writable::wait() { return state_->wait(kWrite); }

void Writable::cancel() { state_->cancel(); }

}  // namespace osb::net
