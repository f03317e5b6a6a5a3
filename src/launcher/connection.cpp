#include "launcher/connection.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/error.h"
#include "base/log.h"

namespace osb::launcher {

namespace {
constexpr size_t kStopReading = 256 * 1024;  // of queued replies
constexpr size_t kGiveUp = 4 * 1024 * 1024;
constexpr int kRequestsPerTurn = 16;  // then the others have their turn
}  // namespace

uint32_t peer_uid(const Fd& fd) {
  ucred credentials{};
  socklen_t size = sizeof credentials;
  check(::getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &credentials, &size), "asking who connected");
  return credentials.uid;
}

Connection::Connection(Poller& poller, Fd fd, Events events)
    : fd_(std::move(fd)), events_(std::move(events)), interest_(EPOLLIN) {
  watch_ = poller.watch(fd_.get(), interest_, [this](uint32_t ready) { on_ready(ready); });
}

void Connection::on_ready(uint32_t events) {
  if (events & EPOLLOUT) flush();
  if (!closed_ && events & (EPOLLIN | EPOLLHUP | EPOLLERR)) read_requests();
  if (!closed_) update_interest();
}

void Connection::read_requests() {
  std::string packet(kMaxPacket, '\0');
  for (int i = 0; i < kRequestsPerTurn && !closed_ && queued_bytes_ < kStopReading; i++) {
    ssize_t n = ::recv(fd_.get(), packet.data(), packet.size(), MSG_DONTWAIT | MSG_TRUNC);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n <= 0) return close({});
    if (static_cast<size_t>(n) > kMaxPacket) return close("a packet beyond the limit");
    try {
      events_.request(decode_request(std::string_view(packet).substr(0, static_cast<size_t>(n))));
    } catch (const Error& e) {
      return close(e.message());
    }
  }
}

void Connection::send(const Reply& reply) {
  if (closed_) return;
  std::string packet = encode(reply);
  queued_bytes_ += packet.size();
  queue_.push_back(std::move(packet));
  flush();
  if (closed_) return;
  if (queued_bytes_ > kGiveUp) return close("it does not read what it gets");
  update_interest();
}

void Connection::flush() {
  while (!queue_.empty()) {
    ssize_t n = ::send(fd_.get(), queue_.front().data(), queue_.front().size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) return;
    if (n < 0) return close({});
    queued_bytes_ -= queue_.front().size();
    queue_.pop_front();
  }
}

void Connection::update_interest() {
  uint32_t wanted =
      (queued_bytes_ < kStopReading ? uint32_t{EPOLLIN} : 0) | (queue_.empty() ? 0 : uint32_t{EPOLLOUT});
  if (wanted == interest_) return;
  interest_ = wanted;
  watch_.set(wanted);
}

Fd Connection::release() {
  closed_ = true;
  watch_.reset();
  queue_.clear();
  return std::move(fd_);
}

void Connection::close(std::string_view why) {
  if (closed_) return;
  closed_ = true;
  if (!why.empty()) log_warn("dropping a client of the launcher", {{"reason", why}});
  watch_.reset();
  fd_.reset();
  queue_.clear();
  events_.closed();
}

}  // namespace osb::launcher
