// Streams over sockets. One class for TCP and unix sockets: Asio's generic socket does not care.
//
// Reading goes through Asio, which skips the call when the last read emptied the socket. Writing calls
// sendmsg first and asks Asio only when the kernel's buffer is full. A writer that never waits gives way now
// and then, so that one fast reader cannot keep the loop to itself.
#include "net/stream.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <optional>

#include <boost/asio/buffer.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/query.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/error.h"
#include "net/address.h"
#include "net/deadlines.h"
#include "net/file_sending.h"
#include "net/hangup.h"
#include "net/timer.h"

namespace osb::net {

namespace {

using Protocol = asio::generic::stream_protocol;
using asio::redirect_error;
using asio::use_awaitable;

constexpr int kWritesBeforeGivingWay = 32;

Deadlines& deadlines_of(const asio::any_io_executor& executor) {
  return asio::use_service<Deadlines>(asio::query(executor, asio::execution::context));
}

Error broken(std::string_view doing, const std::string& cause) {
  return Error(ErrorCode::unavailable, std::string(doing) + ": " + cause);
}

class SocketStream final : public Stream, private Deadlines::Entry {
 public:
  SocketStream(asio::any_io_executor executor, Fd socket, Peer peer)
      : Entry(deadlines_of(executor)), socket_(executor), peer_(std::move(peer)) {
    socklen_t size = sizeof(family_);
    ::getsockopt(socket.get(), SOL_SOCKET, SO_DOMAIN, &family_, &size);
    if (family_ != AF_UNIX) tune(socket.get());
    boost::system::error_code error;
    socket_.assign(Protocol(family_, 0), socket.get(), error);
    if (error) throw system_error("adopting a socket", error.value());
    socket.release();
    socket_.native_non_blocking(true, error);
    if (error) throw system_error("making a socket non-blocking", error.value());
  }

  task<size_t> read_some(std::span<char> into) override {
    unyielded_writes_ = 0;
    while (true) {
      read_timed_out_ |= read_passed();
      fail_if_over("reading from a connection", read_timed_out_);
      boost::system::error_code error;
      reading_ = true;
      size_t count = co_await socket_.async_read_some(asio::buffer(into.data(), into.size()),
                                                      redirect_error(use_awaitable, error));
      reading_ = false;
      if (!error) co_return count;
      if (error == asio::error::eof) co_return 0;
      if (error != asio::error::operation_aborted) throw broken("reading from a connection", error.message());
      // Cancelled: our deadline, close(), or the other direction's deadline. The next round tells.
    }
  }

  task<> write(std::vector<std::string_view> parts) override {
    constexpr size_t kParts = 64;
    std::array<iovec, kParts> vectors;
    size_t next = 0;
    while (true) {
      size_t count = 0;
      size_t bytes = 0;
      for (size_t i = next; i < parts.size() && count < kParts; i++) {
        if (parts[i].empty()) continue;
        vectors[count++] = {const_cast<char*>(parts[i].data()), parts[i].size()};
        bytes += parts[i].size();
      }
      if (count == 0) break;
      write_timed_out_ |= write_passed();
      fail_if_over("writing to a connection", write_timed_out_);
      msghdr message{};
      message.msg_iov = vectors.data();
      message.msg_iovlen = count;
      ssize_t sent = ::sendmsg(socket_.native_handle(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent < 0 && errno == EINTR) continue;
      if (sent < 0 && errno != EAGAIN && errno != ENOBUFS)
        throw broken("writing to a connection", ::strerrordesc_np(errno));
      for (size_t rest = sent > 0 ? static_cast<size_t>(sent) : 0; next < parts.size();) {
        size_t taken = std::min(rest, parts[next].size());
        parts[next].remove_prefix(taken);
        rest -= taken;
        if (!parts[next].empty()) break;
        next++;
      }
      if (sent < 0 || static_cast<size_t>(sent) < bytes) co_await writable("writing to a connection");
    }
    if (++unyielded_writes_ >= kWritesBeforeGivingWay) co_await give_way();
  }

  // To others on the loop, now and then.
  task<> give_way() {
    unyielded_writes_ = 0;
    co_await asio::post(socket_.get_executor(), use_awaitable);
  }

  // A full socket is waited for before the return: then the next call finds room, and no thread is asked for
  // nothing.
  task<uint64_t> write_file(FileRegion region, Offload offload) override {
    if (region.length == 0) co_return 0;
    auto sending = std::make_shared<FileSending>(native_handle(), std::move(region));
    do {
      write_timed_out_ |= write_passed();
      fail_if_over("writing to a connection", write_timed_out_);
      co_await offload([sending] { sending->proceed(); });
      if (sending->error() != 0) throw broken("writing to a connection", ::strerrordesc_np(sending->error()));
      if (sending->socket_is_full()) co_await writable("writing to a connection");
    } while (sending->socket_is_full() && sending->sent() == 0);
    if (++unyielded_writes_ >= kWritesBeforeGivingWay) co_await give_way();
    co_return sending->sent();
  }

  size_t write_now(std::string_view bytes) override {
    if (closed_ || write_timed_out_) return 0;
    ssize_t sent = ::send(socket_.native_handle(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    return sent < 0 ? 0 : static_cast<size_t>(sent);
  }

  // Waits until the kernel takes bytes again, or a connect is decided. May wake early.
  task<> writable(std::string_view doing) {
    unyielded_writes_ = 0;
    boost::system::error_code error;
    writing_ = true;
    co_await socket_.async_wait(asio::socket_base::wait_write, redirect_error(use_awaitable, error));
    writing_ = false;
    fail_if_over(doing, write_timed_out_);
    if (error && error != asio::error::operation_aborted) throw broken(doing, error.message());
  }

  void set_read_deadline(std::chrono::milliseconds after) override { set_read(after); }
  void set_write_deadline(std::chrono::milliseconds after) override { set_write(after); }

  void shutdown_write() override {
    if (!closed_) ::shutdown(socket_.native_handle(), SHUT_WR);
  }

  void close() override {
    if (closed_) return;
    closed_ = true;
    if (hangup_) hangup_->notify();
    // The descriptor lives until the stream is destroyed, so that its number cannot name another connection
    // meanwhile.
    ::shutdown(socket_.native_handle(), SHUT_RDWR);
    interrupt();
  }

  task<> wait_for_hangup() override {
    fail_if_over("waiting for a connection to end", false);
    hangup_.emplace(socket_.get_executor());
    Event& event = *hangup_;
    bool gone = false;
    {
      HangupWatch watch(*this, [&gone, &event] {
        gone = true;
        event.notify();
      });
      co_await event.wait();
    }
    hangup_.reset();
    if (!gone) throw broken("waiting for a connection to end", "it was closed");
  }

  const Peer& peer() const override { return peer_; }

  std::string local_address() const override {
    SocketAddress address;
    address.length = sizeof(address.storage);
    if (::getsockname(native_handle(), address.get(), &address.length) < 0) return {};
    return describe_peer(address).address;
  }

  int native_handle() const override { return const_cast<Protocol::socket&>(socket_).native_handle(); }
  asio::any_io_executor executor() const override {
    return const_cast<Protocol::socket&>(socket_).get_executor();
  }

 private:
  // No waiting for more to send; and a peer whose machine is gone is noticed after about two minutes,
  // whatever waits.
  static void tune(int fd) {
    auto set = [fd](int level, int option, int value) {
      ::setsockopt(fd, level, option, &value, sizeof(value));
    };
    set(IPPROTO_TCP, TCP_NODELAY, 1);
    set(SOL_SOCKET, SO_KEEPALIVE, 1);
    set(IPPROTO_TCP, TCP_KEEPIDLE, 60);
    set(IPPROTO_TCP, TCP_KEEPINTVL, 15);
    set(IPPROTO_TCP, TCP_KEEPCNT, 4);
  }

  // An expiry while nothing is pending in that direction is found by the next operation, unless the deadline
  // is moved before. The other direction stays usable: a server answers 408 after it waited for bytes in
  // vain.
  void read_expired() override {
    if (!reading_) return;
    read_timed_out_ = true;
    interrupt();
  }
  void write_expired() override {
    if (!writing_) return;
    write_timed_out_ = true;
    interrupt();
  }
  void interrupt() {
    boost::system::error_code ignored;
    socket_.cancel(ignored);
  }

  void fail_if_over(std::string_view doing, bool timed_out) const {
    if (closed_) throw broken(doing, "it was closed");
    if (timed_out) throw Error(ErrorCode::timeout, std::string(doing) + ": the deadline passed");
  }

  Protocol::socket socket_;
  Peer peer_;
  std::optional<Event> hangup_;
  int family_ = AF_UNSPEC;
  int unyielded_writes_ = 0;
  bool reading_ = false;
  bool writing_ = false;
  bool closed_ = false;
  bool read_timed_out_ = false;
  bool write_timed_out_ = false;
};

task<std::unique_ptr<Stream>> connect(asio::any_io_executor executor, SocketAddress address, std::string name,
                                      std::chrono::milliseconds limit) {
  std::string doing = "connecting to " + name;
  Fd socket(check(::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), doing));
  int fd = socket.get();
  int result = ::connect(fd, address.get(), address.length);
  int cause = result < 0 ? errno : 0;
  // A unix socket whose backlog is full answers EAGAIN and never becomes ready: that is a refusal.
  if (cause != 0 && cause != EINPROGRESS) throw broken(doing, ::strerrordesc_np(cause));
  auto stream = std::make_unique<SocketStream>(executor, std::move(socket), describe_peer(address));
  if (cause == EINPROGRESS) {
    stream->set_write_deadline(limit);
    co_await stream->writable(doing);
    stream->set_write_deadline({});
    socklen_t size = sizeof(cause);
    ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &cause, &size);
    if (cause != 0) throw broken(doing, ::strerrordesc_np(cause));
  }
  co_return stream;
}

}  // namespace

std::unique_ptr<Stream> adopt_stream(asio::any_io_executor executor, Fd socket) {
  SocketAddress peer;
  peer.length = sizeof(peer.storage);
  check(::getpeername(socket.get(), peer.get(), &peer.length), "adopting a connection");
  return std::make_unique<SocketStream>(std::move(executor), std::move(socket), describe_peer(peer));
}

task<std::unique_ptr<Stream>> connect_tcp(asio::any_io_executor executor, std::string address, uint16_t port,
                                          std::chrono::milliseconds limit) {
  SocketAddress to = tcp_address(address, port);
  std::string name = address + ":" + std::to_string(port);
  return connect(std::move(executor), to, std::move(name), limit);
}

task<std::unique_ptr<Stream>> connect_unix(asio::any_io_executor executor, std::string path,
                                           std::chrono::milliseconds limit) {
  SocketAddress to = unix_address(path);
  return connect(std::move(executor), to, std::move(path), limit);
}

task<uint64_t> Stream::write_file(FileRegion region, Offload offload) {
  auto block = std::make_shared<FileBlock>(std::move(region));
  co_await offload([block] { block->read(); });
  std::string_view bytes = block->bytes();
  if (!bytes.empty()) co_await write(bytes);
  co_return bytes.size();
}

task<uint64_t> copy(Stream& from, Stream& to) {
  std::vector<char> buffer(64 * 1024);
  uint64_t total = 0;
  while (size_t count = co_await from.read_some(buffer)) {
    co_await to.write(std::string_view(buffer.data(), count));
    total += count;
  }
  to.shutdown_write();
  co_return total;
}

}  // namespace osb::net
