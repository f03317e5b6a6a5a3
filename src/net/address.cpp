#include "net/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>

#include "base/error.h"

namespace osb::net {

uint16_t SocketAddress::port() const {
  if (family() == AF_INET) return ntohs(reinterpret_cast<const sockaddr_in*>(&storage)->sin_port);
  if (family() == AF_INET6) return ntohs(reinterpret_cast<const sockaddr_in6*>(&storage)->sin6_port);
  return 0;
}

SocketAddress tcp_address(const std::string& address, uint16_t port) {
  SocketAddress out;
  bool bracketed = address.size() > 2 && address.front() == '[' && address.back() == ']';
  std::string host = bracketed ? address.substr(1, address.size() - 2) : address;
  if (host.find('\0') != std::string::npos) host.clear();  // inet_pton() would stop there
  auto* v4 = reinterpret_cast<sockaddr_in*>(&out.storage);
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&out.storage);
  if (!bracketed && ::inet_pton(AF_INET, host.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    out.length = sizeof(sockaddr_in);
  } else if (::inet_pton(AF_INET6, host.c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    out.length = sizeof(sockaddr_in6);
  } else {
    throw Error(ErrorCode::invalid, "reading address " + address + ": not a numeric IPv4 or IPv6 address");
  }
  return out;
}

SocketAddress unix_address(const std::string& path) {
  SocketAddress out;
  auto* un = reinterpret_cast<sockaddr_un*>(&out.storage);
  if (path.empty() || path.size() >= sizeof(un->sun_path))
    throw Error(ErrorCode::invalid,
                "reading socket path " + path + ": empty or longer than the kernel allows");
  un->sun_family = AF_UNIX;
  ::memcpy(un->sun_path, path.c_str(), path.size() + 1);
  out.length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1);
  return out;
}

namespace {
Peer describe_v4(in_addr address, uint16_t port) {
  char text[INET_ADDRSTRLEN];
  ::inet_ntop(AF_INET, &address, text, sizeof(text));
  return {text, port, (ntohl(address.s_addr) >> 24) == 127};
}
}  // namespace

Peer describe_peer(const SocketAddress& address) {
  if (address.family() == AF_INET)
    return describe_v4(reinterpret_cast<const sockaddr_in*>(&address.storage)->sin_addr, address.port());
  if (address.family() != AF_INET6) return {"", 0, true};
  const in6_addr& v6 = reinterpret_cast<const sockaddr_in6*>(&address.storage)->sin6_addr;
  if (IN6_IS_ADDR_V4MAPPED(&v6)) {
    in_addr v4;
    ::memcpy(&v4, v6.s6_addr + 12, sizeof(v4));
    return describe_v4(v4, address.port());
  }
  char text[INET6_ADDRSTRLEN];
  ::inet_ntop(AF_INET6, &v6, text, sizeof(text));
  return {text, address.port(), IN6_IS_ADDR_LOOPBACK(&v6) != 0};
}

}  // namespace osb::net
