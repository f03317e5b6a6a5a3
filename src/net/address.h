// Socket addresses as values: numeric text in, numeric text out. IPv4 inside IPv6 (::ffff:a.b.c.d) reads as
// IPv4.
#pragma once

#include <sys/socket.h>

#include <string>

#include "net/stream.h"

namespace osb::net {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
  int family() const { return storage.ss_family; }
  uint16_t port() const;
};

// "127.0.0.1", "::1", "[::1]". Throws Error(invalid) for anything that is not a numeric address.
SocketAddress tcp_address(const std::string& address, uint16_t port);
// Throws Error(invalid) if the path does not fit into a socket address.
SocketAddress unix_address(const std::string& path);
// Reads what the kernel filled in.
Peer describe_peer(const SocketAddress& address);

}  // namespace osb::net
