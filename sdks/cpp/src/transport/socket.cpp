#include "transport/socket.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include <optional>

#include "transport/failure.h"
#include "transport/resolver.h"

namespace opensandbox::detail {
namespace {

[[noreturn]] void broken(const char* doing) {
  throw Failure(Failure::Cause::broken, std::string(doing) + ": " + strerror(errno));
}

// 0, or the error of a connect.
int connect_one(int fd, const SocketAddress& address, const Wait& wait) {
  if (::connect(fd, address.get(), address.length) == 0) return 0;
  if (errno != EINPROGRESS) return errno;
  wait_ready(fd, POLLOUT, wait);
  int error = 0;
  socklen_t size = sizeof(error);
  getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
  return error;
}

}  // namespace

std::unique_ptr<Socket> Socket::connect(const std::string& host, uint16_t port, const Wait& wait) {
  int error = 0;
  for (const SocketAddress& address : resolve(host, port, wait)) {
    int fd = socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
      error = errno;
      continue;
    }
    auto made = std::make_unique<Socket>(fd);
    error = connect_one(fd, address, wait);
    if (error == 0) {
      int on = 1;
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
      return made;
    }
  }
  throw Failure(Failure::Cause::not_sent, strerror(error));
}

Socket::~Socket() { close(fd_); }

ssize_t Socket::try_read(std::span<char> room) {
  for (;;) {
    ssize_t count = recv(fd_, room.data(), room.size(), 0);
    if (count >= 0) return count;
    if (errno == EAGAIN) return -1;
    if (errno != EINTR) broken("reading");
  }
}

size_t Socket::read(std::span<char> room, const Wait& wait) {
  for (;;) {
    check_stop(wait);
    ssize_t count = try_read(room);
    if (count >= 0) return static_cast<size_t>(count);
    wait_ready(fd_, POLLIN, wait);
  }
}

void Socket::write(std::string_view bytes, const Wait& wait) {
  while (!bytes.empty()) {
    ssize_t count = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count >= 0) {
      bytes.remove_prefix(static_cast<size_t>(count));
    } else if (errno == EAGAIN) {
      wait_ready(fd_, POLLOUT, wait);
    } else if (errno != EINTR) {
      broken("writing");
    }
  }
}

bool Socket::quiet() {
  char byte;
  ssize_t count = recv(fd_, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return count < 0 && errno == EAGAIN;
}

}  // namespace opensandbox::detail
