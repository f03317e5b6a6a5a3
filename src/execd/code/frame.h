// Framing of the messages between execd and its workers. No sockets here.
//
//   4 bytes  length of the rest, big endian (flags and part)
//   1 byte   flags: 1 = begins a message, 2 = ends one
//   part     at most kFramePart bytes of a JSON text
//
// A long message is several frames. A frame that begins a message drops one that was not ended: the sender
// may have been interrupted between two frames. On packet sockets a packet is exactly one frame.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace osb::execd {

constexpr size_t kFrameHeader = 5;
constexpr size_t kFramePart = 64 * 1024;
constexpr size_t kMaxMessage = 64 * 1024 * 1024;

// The frames of one message. Throws Error(too_large) beyond kMaxMessage.
std::vector<std::string> encode_frames(std::string_view message);

// Bytes in, messages out. After an error it is unusable.
class FrameDecoder {
 public:
  // Takes bytes in pieces of any size. Throws Error(invalid) for what no worker sends: bad lengths, unknown
  // flags, a part without a beginning, a message beyond kMaxMessage.
  void feed(std::string_view bytes);
  // The next complete message, in order.
  std::optional<std::string> next();

 private:
  void take_frame(unsigned char flags, std::string_view part);

  std::string pending_;  // a frame that has not arrived completely
  std::string message_;
  bool open_ = false;
  std::deque<std::string> complete_;
};

}  // namespace osb::execd
