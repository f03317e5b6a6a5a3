// Netlink messages: a builder for the bytes, and a socket that sends them and waits for the kernel's verdict.
// The builder does no I/O, so that messages can be prepared before fork and sent after it.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/fd.h"

namespace osb::sys {

// One or more netlink messages in a row. Every message gets the next sequence number, from 1 on.
class NetlinkBuffer {
 public:
  // Starts a message with its fixed header (ifinfomsg, nfgenmsg, …); finishes the one before.
  template <class Header>
    requires std::is_trivially_copyable_v<Header>
  void begin(uint16_t type, uint16_t flags, const Header& header) {
    begin_bytes(type, flags, &header, sizeof header);
  }

  void attr(uint16_t type, const void* data, size_t size);
  void attr_u8(uint16_t type, uint8_t value) { attr(type, &value, sizeof value); }
  void attr_u32(uint16_t type, uint32_t value) { attr(type, &value, sizeof value); }
  void attr_be32(uint16_t type, uint32_t value);
  void attr_text(uint16_t type, std::string_view text);  // with the closing NUL

  // Attributes up to end() become children of this one.
  [[nodiscard]] size_t nest(uint16_t type);
  void end(size_t nest);
  // Raw bytes inside a nest: VETH_INFO_PEER starts with an ifinfomsg.
  void raw(const void* data, size_t size);

  // Offset of the fixed header of the message begun last, for values that are known only later.
  size_t header_offset() const { return header_; }
  // Number of the last message that asks for an acknowledgement.
  uint32_t last_acknowledged() const { return last_acknowledged_; }
  size_t size() const { return bytes_.size(); }
  // Finishes the last message.
  std::span<char> bytes();

 private:
  void begin_bytes(uint16_t type, uint16_t flags, const void* header, size_t size);
  void finish();

  std::vector<char> bytes_;
  size_t message_ = 0;
  size_t header_ = 0;
  uint32_t sequence_ = 0;
  uint32_t last_acknowledged_ = 0;
};

struct NetlinkError {
  int error = 0;          // errno value, 0 = all fine
  uint32_t sequence = 0;  // of the message that failed
};

class NetlinkSocket {
 public:
  // Throws Error.
  explicit NetlinkSocket(int protocol);

  // Sends the messages and waits for the verdict on the last one that carries NLM_F_ACK (there must be one);
  // the answer is the first failure. With `all_or_nothing` a refusal of the first message ends the wait:
  // nothing after it is looked at. Throws Error if the kernel cannot be talked to within five seconds.
  NetlinkError try_transact(NetlinkBuffer& messages, bool all_or_nothing = false);
  // Throws system_error("<doing>").
  void transact(NetlinkBuffer& messages, std::string_view doing);
  // Sends one NLM_F_DUMP request; calls on_message with type and payload of every answer.
  void dump(NetlinkBuffer& request, const std::function<void(uint16_t, std::span<const char>)>& on_message);

  int get() const { return fd_.get(); }

 private:
  void send(NetlinkBuffer& messages);
  std::span<const char> receive();

  Fd fd_;
  std::vector<char> buffer_;
};

// Calls on_attr(type, payload) for each attribute; stops at the first malformed one.
void for_each_attr(std::span<const char> bytes,
                   const std::function<void(uint16_t, std::span<const char>)>& on_attr);

}  // namespace osb::sys
