#include "execd/code/frame.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstdint>
#include <utility>

#include "base/error.h"

namespace osb::execd {
namespace {

constexpr unsigned char kFirst = 1;
constexpr unsigned char kLast = 2;

uint32_t length_at(std::string_view bytes) {
  uint32_t length = 0;
  for (size_t i = 0; i < 4; ++i) length = length << 8 | static_cast<unsigned char>(bytes[i]);
  return length;
}

[[noreturn]] void fail(const std::string& what) {
  throw Error(ErrorCode::invalid, "reading a message of a worker: " + what);
}

}  // namespace

std::vector<std::string> encode_frames(std::string_view message) {
  if (message.size() > kMaxMessage)
    throw Error(ErrorCode::too_large, fmt::format("sending a message to a worker: {} bytes are more than {}",
                                                  message.size(), kMaxMessage));
  std::vector<std::string> frames;
  size_t at = 0;
  do {
    std::string_view part = message.substr(at, kFramePart);
    unsigned char flags =
        static_cast<unsigned char>((at == 0 ? kFirst : 0) | (at + part.size() == message.size() ? kLast : 0));
    uint32_t length = static_cast<uint32_t>(part.size() + 1);
    std::string& frame = frames.emplace_back();
    frame.reserve(kFrameHeader + part.size());
    for (int shift = 24; shift >= 0; shift -= 8) frame.push_back(static_cast<char>(length >> shift & 0xff));
    frame.push_back(static_cast<char>(flags));
    frame.append(part);
    at += part.size();
  } while (at < message.size());
  return frames;
}

void FrameDecoder::feed(std::string_view bytes) {
  while (!bytes.empty()) {
    // Completes the header, then the frame; a frame that is whole in `bytes` is not copied.
    if (pending_.empty() && bytes.size() >= kFrameHeader && bytes.size() >= 4u + length_at(bytes)) {
      uint32_t length = length_at(bytes);
      if (length == 0 || length > kFramePart + 1) fail(fmt::format("a frame of {} bytes", length));
      take_frame(static_cast<unsigned char>(bytes[4]), bytes.substr(kFrameHeader, length - 1));
      bytes.remove_prefix(4 + length);
      continue;
    }
    size_t want = 4;
    if (pending_.size() >= 4) {
      uint32_t length = length_at(pending_);
      if (length == 0 || length > kFramePart + 1) fail(fmt::format("a frame of {} bytes", length));
      want = 4 + length;
    }
    size_t take = std::min(want - pending_.size(), bytes.size());
    pending_.append(bytes.substr(0, take));
    bytes.remove_prefix(take);
    if (pending_.size() >= kFrameHeader && pending_.size() == 4u + length_at(pending_)) {
      std::string frame = std::exchange(pending_, {});
      take_frame(static_cast<unsigned char>(frame[4]), std::string_view(frame).substr(kFrameHeader));
    }
  }
}

void FrameDecoder::take_frame(unsigned char flags, std::string_view part) {
  if (flags & ~(kFirst | kLast)) fail(fmt::format("flags {}", flags));
  if (flags & kFirst) {
    message_.clear();
    open_ = true;
  }
  if (!open_) fail("a part without a beginning");
  if (message_.size() + part.size() > kMaxMessage) fail(fmt::format("more than {} bytes", kMaxMessage));
  message_.append(part);
  if (flags & kLast) {
    open_ = false;
    complete_.push_back(std::exchange(message_, {}));
  }
}

std::optional<std::string> FrameDecoder::next() {
  if (complete_.empty()) return std::nullopt;
  std::string message = std::move(complete_.front());
  complete_.pop_front();
  return message;
}

}  // namespace osb::execd
