#include "launcher/launcher_socket.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/error.h"
#include "launcher/protocol.h"

namespace osb::launcher {

namespace {
Error unavailable(int err) {
  return Error(ErrorCode::unavailable, system_error("talking to the launcher", err).message());
}
}  // namespace

Result<Fd> connect_launcher(int run_directory, uint32_t owner) {
  Fd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return system_error("making a socket for the launcher");
  sockaddr_un address{.sun_family = AF_UNIX};
  std::string path = "/proc/self/fd/" + std::to_string(run_directory) + "/" + kLauncherSocket;
  ::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return unavailable(errno);
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return unavailable(errno);
  if (peer.uid != owner)
    return Error(ErrorCode::unavailable,
                 "talking to the launcher: a process of user " + std::to_string(peer.uid) + " answers");
  return socket;
}

bool send_packet(int socket, const std::string& packet) {
  for (;;) {
    if (::send(socket, packet.data(), packet.size(), MSG_NOSIGNAL | MSG_DONTWAIT) >= 0) return true;
    if (errno == EAGAIN || errno == ENOBUFS) return false;
    if (errno != EINTR) throw unavailable(errno);
  }
}

std::optional<std::string> receive_packet(int socket) {
  for (;;) {
    // First the size, so that a packet of a hundred bytes does not cost a buffer for the largest one.
    ssize_t size = ::recv(socket, nullptr, 0, MSG_DONTWAIT | MSG_PEEK | MSG_TRUNC);
    if (size > static_cast<ssize_t>(kMaxPacket))
      throw Error(ErrorCode::invalid, "reading a launcher packet: too large");
    if (size > 0) {
      std::string packet(static_cast<size_t>(size), '\0');
      size = ::recv(socket, packet.data(), packet.size(), MSG_DONTWAIT);
      if (size == static_cast<ssize_t>(packet.size())) return packet;
    }
    if (size >= 0) throw Error(ErrorCode::unavailable, "talking to the launcher: it closed the connection");
    if (errno == EAGAIN) return std::nullopt;
    if (errno != EINTR) throw unavailable(errno);
  }
}

bool wait_readable(int fd, int milliseconds) {
  pollfd item{.fd = fd, .events = POLLIN};
  int n;
  do n = ::poll(&item, 1, milliseconds);
  while (n < 0 && errno == EINTR);
  return n > 0;
}

}  // namespace osb::launcher
