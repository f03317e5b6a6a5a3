#include "execd/code/worker_channel.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "base/error.h"
#include "net/writable.h"

namespace osb::execd {
namespace {

constexpr size_t kMaxFds = 8;

// True when the frame is on its way, false when the socket is full. One packet goes whole or not at all.
bool send_frame(int socket, const std::string& frame, const std::vector<int>& fds) {
  iovec part{const_cast<char*>(frame.data()), frame.size()};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  alignas(cmsghdr) char control[CMSG_SPACE(kMaxFds * sizeof(int))];
  if (!fds.empty()) {
    header.msg_control = control;
    header.msg_controllen = CMSG_SPACE(fds.size() * sizeof(int));
    cmsghdr* rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(fds.size() * sizeof(int));
    std::memcpy(CMSG_DATA(rights), fds.data(), fds.size() * sizeof(int));
  }
  while (::sendmsg(socket, &header, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
    if (errno == EAGAIN || errno == ENOBUFS) return false;
    if (errno != EINTR)
      throw Error(ErrorCode::unavailable, "sending to a worker: " + system_error("sendmsg").message());
  }
  return true;
}

}  // namespace

std::pair<Fd, Fd> make_channel() {
  int ends[2];
  check(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), "making the socket of a worker");
  std::pair<Fd, Fd> channel{Fd(ends[0]), Fd(ends[1])};
  check(::fcntl(ends[0], F_SETFL, O_NONBLOCK), "making the socket of a worker");  // of our end alone
  return channel;
}

WorkerChannel::WorkerChannel(net::asio::any_io_executor executor, Fd socket)
    : socket_(std::move(socket)), readable_(std::move(executor), socket_.get()) {}

net::task<> WorkerChannel::send(std::string message, std::vector<int> fds) {
  if (fds.size() > kMaxFds) throw Error(ErrorCode::internal, "sending to a worker: too many descriptors");
  std::vector<std::string> frames = encode_frames(message);
  for (const std::string& frame : frames) {
    while (!send_frame(socket_.get(), frame, fds)) co_await net::wait_writable(socket_.get());
    fds.clear();
  }
}

// False when there is nothing to read now. The buffer is not a member: thousands of idle channels cost
// nothing.
bool WorkerChannel::read_packet() {
  char buffer[kFrameHeader + kFramePart];
  ssize_t size = ::recv(socket_.get(), buffer, sizeof(buffer), MSG_DONTWAIT | MSG_TRUNC);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return errno == EINTR;
  if (size <= 0) {
    ended_ = true;
    return true;
  }
  if (static_cast<size_t>(size) > sizeof(buffer))
    throw Error(ErrorCode::invalid,
                "reading a message of a worker: a packet of " + std::to_string(size) + " bytes");
  decoder_.feed({buffer, static_cast<size_t>(size)});
  return true;
}

net::task<std::optional<std::string>> WorkerChannel::receive() {
  while (true) {
    if (auto message = decoder_.next()) co_return message;
    if (ended_) co_return std::nullopt;
    if (!read_packet()) co_await readable_.wait();
  }
}

void WorkerChannel::shutdown_write() { ::shutdown(socket_.get(), SHUT_WR); }

void WorkerChannel::cancel() { readable_.cancel(); }

}  // namespace osb::execd
