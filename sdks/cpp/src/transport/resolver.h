// Names to socket addresses.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <string>
#include <vector>

#include "transport/wait.h"

namespace opensandbox::detail {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;
  int family() const { return storage.ss_family; }
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

// All addresses of `host`, in the order to try them; not empty. Numbers and "localhost" are answered at once;
// other names are looked up on a thread of their own, because getaddrinfo(3) cannot be interrupted: when the
// wait ends first, the thread is left to finish alone. Throws Failure(not_sent | timeout | cancelled).
std::vector<SocketAddress> resolve(const std::string& host, uint16_t port, const Wait& wait);

}  // namespace opensandbox::detail
