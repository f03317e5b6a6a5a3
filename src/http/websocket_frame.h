// The frames of RFC 6455 as bytes: a decoder that puts messages together, and the text of frames to send. No
// socket in here, no extension (a frame with a reserved bit is refused).
//
// Bounded: a message beyond the limit is refused when the head of the frame that would exceed it is there,
// and so is one of too many fragments. What has been decoded is all that is held.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "http/utf8.h"

namespace osb::http {

enum class Opcode : uint8_t { continuation = 0, text = 1, binary = 2, close = 8, ping = 9, pong = 10 };

// Reasons to close, as numbers on the wire.
enum class CloseCode : uint16_t {
  normal = 1000,
  going_away = 1001,
  protocol_error = 1002,
  none = 1005,  // never sent: the peer's Close frame named none
  bad_text = 1007,
  policy = 1008,
  too_large = 1009,
  internal = 1011,
};

// What a peer did wrong, and the code that tells it so.
class WebSocketError : public Error {
 public:
  WebSocketError(CloseCode close_code, const std::string& what)
      : Error(ErrorCode::invalid, "reading a WebSocket frame: " + what), close_code_(close_code) {}
  CloseCode close_code() const { return close_code_; }

 private:
  CloseCode close_code_;
};

// A whole message (`text`, `binary`) or a control frame.
struct WebSocketMessage {
  Opcode kind = Opcode::binary;
  std::string payload;  // of a Close frame: the reason, without the code
  CloseCode close_code = CloseCode::none;
};

class WebSocketDecoder {
 public:
  static constexpr size_t kMaxFragments = 16 * 1024;

  // Frames of a client must be masked, those of a server must not be.
  enum class From { client, server };
  WebSocketDecoder(From from, size_t message_limit) : from_(from), limit_(message_limit) {}

  struct Step {
    size_t consumed = 0;
    std::optional<WebSocketMessage> message;
  };
  // Takes at least one byte of `bytes` (unless empty) and at most one message. Control frames come out where
  // they stand, also between the fragments of a message. Throws WebSocketError; the decoder is then unusable.
  Step feed(std::string_view bytes);

 private:
  struct Head {
    Opcode opcode = Opcode::continuation;
    bool last = false;
    uint64_t length = 0;
    uint8_t mask[4] = {};
  };

  size_t head_size() const;
  void read_head();
  void read_length();
  void check_control() const;
  void check_data();
  void take_payload(std::string_view bytes);
  std::optional<WebSocketMessage> end_frame();
  WebSocketMessage end_close();
  bool is_control() const { return static_cast<uint8_t>(head_.opcode) >= 8; }

  From from_;
  size_t limit_;
  std::string head_bytes_;  // of the frame that is not complete yet
  bool in_payload_ = false;
  Head head_;
  uint64_t left_ = 0;  // payload bytes of this frame still to come
  uint64_t mask_at_ = 0;
  std::string control_;         // payload of a control frame
  std::string message_;         // payload of the data frames so far
  std::optional<Opcode> open_;  // kind of the message that is being put together
  size_t fragments_ = 0;
  Utf8Check text_;
};

using Mask = std::optional<uint32_t>;
// One unfragmented frame's head; the payload follows it as it is. For servers: frames without a mask.
void append_frame_head(std::string& out, Opcode opcode, size_t length);
// A frame of any form, masked as clients do (`mask` as four bytes in memory order).
void append_frame(std::string& out, Opcode opcode, std::string_view payload, Mask mask, bool last = true);
// The payload of a Close frame; the reason is cut to what fits.
std::string close_payload(CloseCode code, std::string_view reason);

}  // namespace osb::http
