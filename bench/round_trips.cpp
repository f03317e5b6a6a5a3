// Round trips of one small HTTP request on a kept connection, by a client that adds nothing to them: the
// counterpart of spawn_floor.cpp.
//   bench_round_trips PORT COUNT REQUEST
// sends REQUEST to 127.0.0.1 COUNT times, reads each chunked answer to its end and prints the time of each in
// microseconds, a line each. It fails when an answer lacks the event of a command that ended well.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/fd.h"

namespace {

using namespace osb;
using Clock = std::chrono::steady_clock;

constexpr std::string_view kLastChunk = "\r\n0\r\n\r\n";
constexpr std::string_view kGoodEnd = "\"execution_complete\"";

Fd connect_to(int port) {
  Fd socket(check(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "making a socket"));
  int on = 1;
  check(::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), "preparing the socket");
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  name.sin_port = htons(static_cast<uint16_t>(port));
  check(::connect(socket.get(), reinterpret_cast<sockaddr*>(&name), sizeof name), "connecting");
  return socket;
}

void round_trip(int socket, std::string_view request, std::string& answer) {
  check(::send(socket, request.data(), request.size(), 0), "sending the request");
  answer.clear();
  while (!answer.ends_with(kLastChunk)) {
    char buffer[4096];
    ssize_t size = check(::recv(socket, buffer, sizeof buffer, 0), "reading the answer");
    if (size == 0) throw Error(ErrorCode::unavailable, "reading the answer: the connection was closed");
    answer.append(buffer, static_cast<size_t>(size));
  }
  if (answer.find(kGoodEnd) == std::string::npos)
    throw Error(ErrorCode::internal, "running the command: " + answer);
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 4) return 2;
  Fd socket = connect_to(std::atoi(arguments[1]));
  std::string answer;
  for (int left = std::atoi(arguments[2]); left > 0; --left) {
    auto begin = Clock::now();
    round_trip(socket.get(), arguments[3], answer);
    std::printf("%.1f\n", std::chrono::duration<double, std::micro>(Clock::now() - begin).count());
  }
}
