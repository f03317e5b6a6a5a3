#include "server/host_addresses.h"

#include <ifaddrs.h>
#include <netdb.h>
#include <sys/socket.h>

#include "base/defer.h"

namespace osb::server {

namespace {

constexpr std::chrono::seconds kFresh{5};

// "::ffff:10.0.0.1" and "10.0.0.1" are the same machine.
std::string plain(std::string address) {
  if (address.starts_with("::ffff:") && address.find('.') != std::string::npos) address.erase(0, 7);
  return address.substr(0, address.find('%'));
}

std::set<std::string> list_addresses() {
  std::set<std::string> out;
  ifaddrs* first = nullptr;
  if (::getifaddrs(&first) != 0) return out;
  Defer free_list([first] { ::freeifaddrs(first); });
  for (ifaddrs* entry = first; entry; entry = entry->ifa_next) {
    if (!entry->ifa_addr) continue;
    int family = entry->ifa_addr->sa_family;
    if (family != AF_INET && family != AF_INET6) continue;
    socklen_t length = family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
    char text[NI_MAXHOST];
    if (::getnameinfo(entry->ifa_addr, length, text, sizeof text, nullptr, 0, NI_NUMERICHOST) == 0)
      out.insert(plain(text));
  }
  return out;
}

}  // namespace

bool HostAddresses::contains(const std::string& address) {
  auto present = std::chrono::steady_clock::now();
  if (present >= fresh_until_) {
    addresses_ = list_addresses();
    fresh_until_ = present + kFresh;
  }
  return addresses_.contains(plain(address));
}

bool HostAddresses::is_direct(const http::Request& request) {
  if (request.headers.has("Forwarded") || request.headers.has("X-Forwarded-For")) return false;
  if (request.peer.loopback) return true;
  // Who reaches an own address from the same address is on this machine; that saves the list in most cases.
  return request.peer.address == request.local_address || contains(request.peer.address);
}

}  // namespace osb::server
