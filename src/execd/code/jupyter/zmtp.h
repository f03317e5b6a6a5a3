// ZMTP 3.0 and 3.1, the bytes between ZeroMQ sockets, from the side of a DEALER or a SUB that connects. No
// sockets here: bytes in, messages and answers out. Security mechanism NULL.
//
// The order of things: greetings cross, then READY commands, then a SUB subscribes to everything. From there
// on whole messages come out of next(); pings are answered.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace osb::execd {

constexpr size_t kMaxZmtpMessage = 64 * 1024 * 1024;
constexpr size_t kMaxZmtpFrames = 1024;  // of one message

enum class ZmtpType { dealer, sub };

struct ZmtpMessage {
  std::vector<std::string> frames;
  bool oversized = false;  // beyond a limit: it was skipped, there are no frames
};

// The bytes of one message. Throws Error(too_large).
std::string encode_zmtp(const std::vector<std::string>& frames);

class ZmtpDecoder {
 public:
  // `identity`: what the peer calls us; at most 255 bytes, empty for none.
  ZmtpDecoder(ZmtpType type, std::string identity);

  // Takes bytes in pieces of any size. Throws Error: invalid for what is not ZMTP, unsupported for other
  // versions, mechanisms and types of sockets, unavailable when the peer refuses us. It is unusable then.
  void feed(std::string_view bytes);
  // What is to be sent, in order, before anything else: at first the greeting. Look after each feed(): no
  // more gathers than was fed.
  std::string take_answers();
  // Both sides are through with the handshake: messages may be sent.
  bool ready() const { return stage_ == Stage::traffic; }
  // The next whole message, in order.
  std::optional<ZmtpMessage> next();

 private:
  enum class Stage { greeting, handshake, traffic };

  size_t take_greeting(std::string_view bytes);
  size_t take_header(std::string_view bytes);
  size_t take_body(std::string_view bytes);
  void begin_frame();
  void end_frame();
  void handle_command(std::string_view command);
  void handle_ready(std::string_view properties);

  ZmtpType type_;
  std::string identity_;
  Stage stage_ = Stage::greeting;
  bool knows_subscribe_ = false;  // the command; in 3.0 it is a message
  std::string answers_;
  std::string head_;  // of the greeting or the frame that has not arrived completely
  unsigned char flags_ = 0;
  bool in_body_ = false;
  bool skip_ = false;  // the frame belongs to a message that is too large
  uint64_t left_ = 0;  // of the frame
  std::string frame_;
  ZmtpMessage message_;
  size_t message_bytes_ = 0;
  size_t message_frames_ = 0;
  std::deque<ZmtpMessage> complete_;
};

}  // namespace osb::execd
