// For tests: the descriptors, the loopback interface and the ports of the process they run in.
#pragma once

#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cstdint>
#include <filesystem>

#include "base/fd.h"

namespace osb::execd {

inline size_t open_descriptors() {
  auto files = std::filesystem::directory_iterator("/proc/self/fd");
  return static_cast<size_t>(std::distance(begin(files), end(files)));
}

// Whether it could.
inline bool set_loopback(bool up) {
  Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request = {};
  ::strcpy(request.ifr_name, "lo");
  request.ifr_flags = static_cast<short>(up ? IFF_UP | IFF_RUNNING : 0);
  return ::ioctl(socket.get(), SIOCSIFFLAGS, &request) == 0;
}

// A port of 127.0.0.1 that nobody has now.
inline uint16_t free_port() {
  Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in name = {};
  name.sin_family = AF_INET;
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof name;
  ::bind(socket.get(), reinterpret_cast<sockaddr*>(&name), sizeof name);
  ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&name), &length);
  return ntohs(name.sin_port);
}

}  // namespace osb::execd
