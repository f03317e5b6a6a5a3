#include "sys/netlink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <string>

#include "base/error.h"

namespace osb::sys {

namespace {
constexpr size_t kReceiveBuffer = 64 * 1024;
}

void NetlinkBuffer::begin_bytes(uint16_t type, uint16_t flags, const void* header, size_t size) {
  finish();
  message_ = bytes_.size();
  nlmsghdr head{};
  head.nlmsg_type = type;
  head.nlmsg_flags = flags;
  head.nlmsg_seq = ++sequence_;
  if (flags & NLM_F_ACK) last_acknowledged_ = sequence_;
  raw(&head, sizeof head);
  header_ = bytes_.size();
  raw(header, size);
}

void NetlinkBuffer::finish() {
  if (bytes_.empty()) return;
  uint32_t length = static_cast<uint32_t>(bytes_.size() - message_);
  memcpy(&bytes_[message_], &length, sizeof length);
}

std::span<char> NetlinkBuffer::bytes() {
  finish();
  return bytes_;
}

void NetlinkBuffer::raw(const void* data, size_t size) {
  const char* from = static_cast<const char*>(data);
  bytes_.insert(bytes_.end(), from, from + size);
  bytes_.resize(NLMSG_ALIGN(bytes_.size()), '\0');
}

void NetlinkBuffer::attr(uint16_t type, const void* data, size_t size) {
  nlattr head{static_cast<uint16_t>(sizeof(nlattr) + size), type};
  raw(&head, sizeof head);
  raw(data, size);
}

void NetlinkBuffer::attr_be32(uint16_t type, uint32_t value) { attr_u32(type, htonl(value)); }

void NetlinkBuffer::attr_text(uint16_t type, std::string_view text) {
  std::string copy(text);
  attr(type, copy.c_str(), copy.size() + 1);
}

size_t NetlinkBuffer::nest(uint16_t type) {
  size_t at = bytes_.size();
  nlattr head{sizeof(nlattr), static_cast<uint16_t>(type | NLA_F_NESTED)};
  raw(&head, sizeof head);
  return at;
}

void NetlinkBuffer::end(size_t nest) {
  uint16_t length = static_cast<uint16_t>(bytes_.size() - nest);
  memcpy(&bytes_[nest], &length, sizeof length);
}

NetlinkSocket::NetlinkSocket(int protocol)
    : fd_(check(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol), "opening a netlink socket")),
      buffer_(kReceiveBuffer) {
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  check(::bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), "binding a netlink socket");
  timeval limit{5, 0};
  check(::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), "bounding a netlink socket");
}

void NetlinkSocket::send(NetlinkBuffer& messages) {
  // What an interrupted exchange left behind must not be taken for the answer to this one.
  while (::recv(fd_.get(), buffer_.data(), buffer_.size(), MSG_DONTWAIT | MSG_TRUNC) > 0) {}
  std::span<char> bytes = messages.bytes();
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  check(
      ::sendto(fd_.get(), bytes.data(), bytes.size(), 0, reinterpret_cast<sockaddr*>(&kernel), sizeof kernel),
      "talking to netlink");
}

std::span<const char> NetlinkSocket::receive() {
  for (;;) {
    sockaddr_nl from{};
    socklen_t from_size = sizeof from;
    ssize_t n = ::recvfrom(fd_.get(), buffer_.data(), buffer_.size(), 0, reinterpret_cast<sockaddr*>(&from),
                           &from_size);
    if (n < 0 && errno == EINTR) continue;
    check(n, "waiting for netlink");
    if (from.nl_pid == 0) return {buffer_.data(), static_cast<size_t>(n)};
  }
}

NetlinkError NetlinkSocket::try_transact(NetlinkBuffer& messages, bool all_or_nothing) {
  send(messages);
  NetlinkError first;
  for (;;) {
    std::span<const char> answer = receive();
    size_t left = answer.size();
    for (auto* head = reinterpret_cast<const nlmsghdr*>(answer.data()); NLMSG_OK(head, left);
         head = NLMSG_NEXT(head, left)) {
      if (head->nlmsg_type != NLMSG_ERROR) continue;
      auto* verdict = static_cast<const nlmsgerr*>(NLMSG_DATA(head));
      if (verdict->error != 0 && first.error == 0) first = {-verdict->error, head->nlmsg_seq};
      if (head->nlmsg_seq >= messages.last_acknowledged()) return first;
      if (all_or_nothing && first.sequence == 1) return first;
    }
  }
}

void NetlinkSocket::transact(NetlinkBuffer& messages, std::string_view doing) {
  NetlinkError result = try_transact(messages);
  if (result.error != 0) throw system_error(doing, result.error);
}

void NetlinkSocket::dump(NetlinkBuffer& request,
                         const std::function<void(uint16_t, std::span<const char>)>& on_message) {
  send(request);
  for (;;) {
    std::span<const char> answer = receive();
    size_t left = answer.size();
    for (auto* head = reinterpret_cast<const nlmsghdr*>(answer.data()); NLMSG_OK(head, left);
         head = NLMSG_NEXT(head, left)) {
      if (head->nlmsg_type == NLMSG_DONE) return;
      if (head->nlmsg_type == NLMSG_ERROR)
        throw system_error("listing over netlink", -static_cast<const nlmsgerr*>(NLMSG_DATA(head))->error);
      on_message(head->nlmsg_type,
                 {static_cast<const char*>(NLMSG_DATA(head)), head->nlmsg_len - NLMSG_HDRLEN});
    }
  }
}

void for_each_attr(std::span<const char> bytes,
                   const std::function<void(uint16_t, std::span<const char>)>& on_attr) {
  while (bytes.size() >= sizeof(nlattr)) {
    nlattr head;
    memcpy(&head, bytes.data(), sizeof head);
    if (head.nla_len < sizeof head || head.nla_len > bytes.size()) return;
    on_attr(head.nla_type & NLA_TYPE_MASK, bytes.subspan(sizeof head, head.nla_len - sizeof head));
    bytes = bytes.subspan(std::min<size_t>(NLA_ALIGN(head.nla_len), bytes.size()));
  }
}

}  // namespace osb::sys
