#include "osb/tcp_probe.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include <memory>

#include "osb/problem.h"

namespace osb::cli {

namespace {

using Addresses = std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)>;

std::string label(const HostPort& at) {
  bool v6 = at.host.find(':') != std::string::npos;
  return (v6 ? "[" + at.host + "]" : at.host) + ":" + at.port;
}

Addresses addresses_of(const HostPort& at) {
  addrinfo hints{}, *found = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  if (int error = ::getaddrinfo(at.host.c_str(), at.port.c_str(), &hints, &found))
    throw Problem("UNREACHABLE", "looking up " + at.host + ": " + ::gai_strerror(error));
  return {found, &::freeaddrinfo};
}

void wait_for(int socket, short events, std::chrono::milliseconds limit) {
  pollfd entry{socket, events, 0};
  int count = ::poll(&entry, 1, static_cast<int>(limit.count()));
  if (count == 0) errno = ETIMEDOUT;
  if (count <= 0) throw Problem("TIMEOUT", ::strerror(errno));
}

Fd try_address(const addrinfo& address, std::chrono::milliseconds limit) {
  Fd socket(::socket(address.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket) throw Problem("UNREACHABLE", ::strerror(errno));
  if (::connect(socket.get(), address.ai_addr, address.ai_addrlen) == 0) return socket;
  if (errno != EINPROGRESS) throw Problem("UNREACHABLE", ::strerror(errno));
  wait_for(socket.get(), POLLOUT, limit);
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  if (error) throw Problem("UNREACHABLE", ::strerror(error));
  return socket;
}

constexpr size_t kMostAnswer = 64 << 10;

}  // namespace

HostPort split_address(const std::string& address, bool secure) {
  HostPort out{.secure = secure};
  std::string_view rest = address;
  if (rest.starts_with("https://") || rest.starts_with("http://")) {
    out.secure = rest[4] == 's';
    rest.remove_prefix(out.secure ? 8 : 7);
  }
  size_t slash = rest.find('/');
  if (slash != std::string_view::npos) out.path = rest.substr(slash);
  rest = rest.substr(0, slash);
  while (!out.path.empty() && out.path.back() == '/') out.path.pop_back();
  size_t bracket = rest.starts_with("[") ? rest.find(']') : std::string_view::npos;
  size_t colon = rest.find(':', bracket == std::string_view::npos ? 0 : bracket);
  out.host = bracket == std::string_view::npos ? rest.substr(0, colon) : rest.substr(1, bracket - 1);
  out.port = colon == std::string_view::npos ? (out.secure ? "443" : "80") : rest.substr(colon + 1);
  return out;
}

std::vector<std::string> look_up(const HostPort& at) {
  std::vector<std::string> out;
  Addresses found = addresses_of(at);
  for (const addrinfo* each = found.get(); each; each = each->ai_next) {
    char text[NI_MAXHOST];
    if (::getnameinfo(each->ai_addr, each->ai_addrlen, text, sizeof text, nullptr, 0, NI_NUMERICHOST) == 0)
      out.emplace_back(text);
  }
  return out;
}

Fd connect_to(const HostPort& at, std::chrono::milliseconds limit) {
  std::string reason;
  Addresses found = addresses_of(at);
  for (const addrinfo* each = found.get(); each; each = each->ai_next) {
    try {
      return try_address(*each, limit);
    } catch (const Problem& problem) {
      reason = problem.message;
    }
  }
  throw Problem("UNREACHABLE", "connecting to " + label(at) + ": " + reason);
}

std::string fetch(const HostPort& at, const std::string& path, std::chrono::milliseconds limit) {
  Fd socket = connect_to(at, limit);
  std::string request = "GET " + path + " HTTP/1.0\r\nHost: " + label(at) + "\r\n\r\n", answer;
  if (::send(socket.get(), request.data(), request.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(request.size()))
    throw Problem("UNREACHABLE", "asking " + label(at) + ": " + ::strerror(errno));
  char buffer[4096];
  while (answer.size() < kMostAnswer) {
    wait_for(socket.get(), POLLIN, limit);
    ssize_t count = ::recv(socket.get(), buffer, sizeof buffer, 0);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    answer.append(buffer, static_cast<size_t>(count));
  }
  size_t body = answer.find("\r\n\r\n");
  if (!answer.starts_with("HTTP/1.") || answer.find(" 200 ") != 8 || body == std::string::npos)
    throw Problem("PROTOCOL", "asking " + label(at) + path + ": " +
                                  (answer.empty() ? "no answer" : answer.substr(0, answer.find("\r\n"))));
  return answer.substr(body + 4);
}

}  // namespace osb::cli
