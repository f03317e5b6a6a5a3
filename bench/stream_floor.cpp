// The least that bringing a program's output to a TCP client costs: read from a pipe, send, nothing looked
// at. It sends a given share more than it reads, as a stream of events has more bytes than what it tells
// about.
//   bench_stream_floor WIRE_PERCENT PROGRAM [ARGUMENT...]
// prints its port and serves one client.
#include <fcntl.h>
#include <netinet/in.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "base/error.h"
#include "base/fd.h"

namespace {

using namespace osb;

constexpr size_t kReadBytes = 64 * 1024;
constexpr int kPipeBytes = 256 * 1024;

Fd listen_somewhere() {
  Fd socket(check(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "making a socket"));
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto address = reinterpret_cast<sockaddr*>(&name);
  socklen_t size = sizeof name;
  check(::bind(socket.get(), address, size), "binding");
  check(::listen(socket.get(), 1), "listening");
  check(::getsockname(socket.get(), address, &size), "reading the port");
  std::printf("%d\n", ntohs(name.sin_port));
  std::fflush(stdout);
  return socket;
}

// The reading end of what the program prints.
Fd start(char** argv) {
  Pipe pipe = make_pipe();
  ::fcntl(pipe.read.get(), F_SETPIPE_SZ, kPipeBytes);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, pipe.write.get(), 1);
  pid_t pid = 0;
  if (int error = ::posix_spawn(&pid, argv[0], &actions, nullptr, argv, environ))
    throw system_error("starting the program", error);
  return std::move(pipe.read);
}

void send_all(int socket, const char* bytes, size_t left) {
  while (left > 0) {
    auto sent = static_cast<size_t>(check(::send(socket, bytes, left, MSG_NOSIGNAL), "sending"));
    bytes += sent;
    left -= sent;
  }
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 3) return 2;
  size_t percent = std::strtoull(arguments[1], nullptr, 10);
  Fd listener = listen_somewhere();
  Fd client(check(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC), "accepting"));
  Fd output = start(arguments + 2);
  std::vector<char> buffer(std::max<size_t>(kReadBytes, kReadBytes * percent / 100));
  while (ssize_t got = check(::read(output.get(), buffer.data(), kReadBytes), "reading"))
    send_all(client.get(), buffer.data(), static_cast<size_t>(got) * percent / 100);
  while (::wait(nullptr) > 0) {}
}
