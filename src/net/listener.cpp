#include "net/listener.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <optional>

#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/error.h"
#include "base/log.h"
#include "net/address.h"
#include "net/timer.h"

namespace osb::net {

namespace {

constexpr int kBacklog = 4096;
constexpr int kAcceptsBeforeGivingWay = 32;
constexpr auto kBackOff = std::chrono::milliseconds(100);

class SocketListener final : public Listener {
 public:
  SocketListener(asio::any_io_executor executor, Fd socket)
      : executor_(executor),
        socket_(std::move(socket)),
        pause_(executor),
        readable_(executor, socket_.get()) {}

  task<std::unique_ptr<Stream>> accept() override {
    while (true) {
      if (closed_) throw Error(ErrorCode::unavailable, "accepting a connection: the listener was closed");
      Fd accepted(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
      if (accepted) {
        if (++streak_ >= kAcceptsBeforeGivingWay) {
          streak_ = 0;
          co_await asio::post(executor_, asio::use_awaitable);
        }
        if (auto stream = adopt(std::move(accepted))) co_return stream;
      } else if (errno == EAGAIN) {
        streak_ = 0;
        co_await readable_.wait();
      } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        complain(errno);
        co_await pause_.wait_for(kBackOff);
      } else if (errno == EBADF || errno == EINVAL || errno == ENOTSOCK) {
        throw system_error("accepting a connection");
      }
      // Everything else is about the one connection that went away meanwhile: take the next.
    }
  }

  void close() override {
    if (closed_) return;
    closed_ = true;
    readable_.cancel();
    pause_.notify();
    ::shutdown(socket_.get(), SHUT_RDWR);  // refuses new connections from now on
  }

  uint16_t port() const override {
    SocketAddress address;
    address.length = sizeof(address.storage);
    if (::getsockname(socket_.get(), address.get(), &address.length) < 0) return 0;
    return address.port();
  }

 private:
  std::unique_ptr<Stream> adopt(Fd accepted) {
    try {
      return adopt_stream(executor_, std::move(accepted));
    } catch (const Error&) {
      return nullptr;  // reset by the peer before we looked at it
    }
  }

  // Once per minute at most: the log must not fill while descriptors are short.
  void complain(int err) {
    auto now = std::chrono::steady_clock::now();
    if (complained_at_ && now - *complained_at_ < std::chrono::minutes(1)) return;
    complained_at_ = now;
    log_warn("connections have to wait", {{"error", system_error("accepting a connection", err).message()}});
  }

  asio::any_io_executor executor_;
  Fd socket_;
  Event pause_;
  Readable readable_;
  std::optional<std::chrono::steady_clock::time_point> complained_at_;
  int streak_ = 0;
  bool closed_ = false;
};

std::unique_ptr<Listener> listen_at(asio::any_io_executor executor, const SocketAddress& address,
                                    const std::string& doing) {
  Fd socket(check(::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), doing));
  int on = 1;
  int off = 0;
  if (address.family() != AF_UNIX) ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (address.family() == AF_INET6) ::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
  check(::bind(socket.get(), address.get(), address.length), doing);
  check(::listen(socket.get(), kBacklog), doing);
  return std::make_unique<SocketListener>(std::move(executor), std::move(socket));
}

}  // namespace

std::unique_ptr<Listener> listen_tcp(asio::any_io_executor executor, const std::string& address,
                                     uint16_t port) {
  return listen_at(std::move(executor), tcp_address(address, port),
                   "listening on " + address + ":" + std::to_string(port));
}

std::unique_ptr<Listener> listen_unix(asio::any_io_executor executor, const std::string& path) {
  return listen_at(std::move(executor), unix_address(path), "listening on " + path);
}

std::unique_ptr<Listener> adopt_listener(asio::any_io_executor executor, Fd socket) {
  int flags = check(::fcntl(socket.get(), F_GETFL), "adopting a listening socket");
  check(::fcntl(socket.get(), F_SETFL, flags | O_NONBLOCK), "adopting a listening socket");
  return std::make_unique<SocketListener>(std::move(executor), std::move(socket));
}

}  // namespace osb::net
