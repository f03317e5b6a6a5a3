#include "execd/code/worker_channel.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "base/defer.h"
#include "base/error.h"

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

// Bytes that went into the pipe, 0 when it is full. SIGPIPE is ignored in execd.
size_t write_some(int pipe, std::string_view bytes) {
  while (true) {
    ssize_t size = ::write(pipe, bytes.data(), bytes.size());
    if (size >= 0) return static_cast<size_t>(size);
    if (errno == EAGAIN) return 0;
    if (errno != EINTR)
      throw Error(ErrorCode::unavailable, "sending to a worker: " + system_error("write").message());
  }
}

}  // namespace

std::pair<Fd, Fd> make_channel() {
  int ends[2];
  check(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), "making the socket of a worker");
  std::pair<Fd, Fd> channel{Fd(ends[0]), Fd(ends[1])};
  check(::fcntl(ends[0], F_SETFL, O_NONBLOCK), "making the socket of a worker");  // of our end alone
  return channel;
}

ChannelPipes make_channel_pipes() {
  Pipe in = make_pipe(), out = make_pipe();
  for (int ours : {in.read.get(), out.write.get()})
    check(::fcntl(ours, F_SETFL, O_NONBLOCK), "making the pipes of a worker");
  return {std::move(in.read), std::move(out.write), std::move(out.read), std::move(in.write)};
}

WorkerChannel::Outgoing::Outgoing(const net::asio::any_io_executor& executor, Fd pipe)
    : fd(std::move(pipe)), turn(executor) {
  writable.emplace(executor, fd.get());
}

WorkerChannel::WorkerChannel(net::asio::any_io_executor executor, Fd incoming, Fd outgoing)
    : incoming_(std::move(incoming)), readable_(executor, incoming_.get()) {
  if (outgoing) outgoing_.emplace(executor, std::move(outgoing));
}

net::task<> WorkerChannel::send(std::string message, std::vector<int> fds) {
  if (fds.size() > (outgoing_ ? 0 : kMaxFds))
    throw Error(ErrorCode::internal, "sending to a worker: too many descriptors");
  std::vector<std::string> frames = encode_frames(message);
  if (outgoing_)
    co_await write_frames(std::move(frames));
  else
    co_await send_frames(std::move(frames), std::move(fds));
}

net::task<> WorkerChannel::send_frames(std::vector<std::string> frames, std::vector<int> fds) {
  for (const std::string& frame : frames) {
    while (!send_frame(incoming_.get(), frame, fds)) co_await net::wait_writable(incoming_.get());
    fds.clear();
  }
}

net::task<> WorkerChannel::write_frames(std::vector<std::string> frames) {
  Outgoing& out = *outgoing_;
  while (out.sending) co_await out.turn.wait();
  out.sending = true;
  Defer done([&out] {
    out.sending = false;
    if (out.closed) out.close();
    out.turn.notify();
  });
  for (std::string_view rest : frames) {
    while (!rest.empty()) {
      if (out.closed) throw Error(ErrorCode::unavailable, "sending to a worker: the channel is closed");
      rest.remove_prefix(write_some(out.fd.get(), rest));
      if (!rest.empty()) co_await out.writable->wait();
    }
  }
}

// False when there is nothing to read now. The buffer is not a member: thousands of idle channels cost
// nothing.
bool WorkerChannel::read_some() {
  char buffer[kFrameHeader + kFramePart];
  ssize_t size = outgoing_ ? ::read(incoming_.get(), buffer, sizeof(buffer))
                           : ::recv(incoming_.get(), buffer, sizeof(buffer), MSG_DONTWAIT | MSG_TRUNC);
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
    if (!read_some()) co_await readable_.wait();
  }
}

void WorkerChannel::Outgoing::close() {
  closed = true;
  if (writable) writable->cancel();
  if (sending) return;  // the sender does the rest
  writable.reset();
  fd.reset();
}

void WorkerChannel::shutdown_write() {
  if (outgoing_)
    outgoing_->close();
  else
    ::shutdown(incoming_.get(), SHUT_WR);
}

void WorkerChannel::cancel() {
  readable_.cancel();
  if (outgoing_) outgoing_->close();
}

}  // namespace osb::execd
