// The least that any HTTP server on sockets does: epoll, one recv and one send for each request, a fixed
// answer of the size of ours, nothing read, checked, routed or timed. What this machine's kernel gives at
// that moment.
//   bench_http_floor PORT
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <string_view>

#include "base/error.h"
#include "base/fd.h"

namespace {

using namespace osb;

constexpr std::string_view kAnswer =
    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nDate: Sat, 21 Nov 2026 12:05:10 GMT\r\n"
    "X-Request-ID: 18609f4d91ad05bc79efc5c3b64ffe21\r\nContent-Length: 6\r\n\r\nhello\n";

Fd listen_on(uint16_t port) {
  Fd socket(check(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "making a socket"));
  int on = 1;
  check(::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on), "reusing the address");
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_port = htons(port);
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  check(::bind(socket.get(), reinterpret_cast<sockaddr*>(&name), sizeof name), "binding");
  check(::listen(socket.get(), 1024), "listening");
  return socket;
}

void watch(int epoll, int fd) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = fd;
  check(::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event), "watching a socket");
}

void accept_one(int epoll, int listener) {
  int fd = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0) return;
  int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  watch(epoll, fd);
}

void answer(int fd) {
  std::array<char, 4096> request;
  if (::recv(fd, request.data(), request.size(), 0) <= 0)
    ::close(fd);
  else
    (void)!::send(fd, kAnswer.data(), kAnswer.size(), MSG_NOSIGNAL);
}

}  // namespace

int main(int, char** arguments) {
  Fd listener = listen_on(static_cast<uint16_t>(arguments[1] ? std::atoi(arguments[1]) : 8088));
  Fd epoll(check(::epoll_create1(EPOLL_CLOEXEC), "making an epoll set"));
  watch(epoll.get(), listener.get());
  std::array<epoll_event, 128> events;
  for (;;) {
    int count = ::epoll_wait(epoll.get(), events.data(), events.size(), -1);
    for (int i = 0; i < count; i++) {
      int fd = events[static_cast<size_t>(i)].data.fd;
      if (fd == listener.get())
        accept_one(epoll.get(), fd);
      else
        answer(fd);
    }
  }
}
