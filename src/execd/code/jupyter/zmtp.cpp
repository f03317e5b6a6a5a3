#include "execd/code/jupyter/zmtp.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "base/error.h"

namespace osb::execd {
namespace {

constexpr size_t kGreeting = 64;
constexpr size_t kVersionAt = 10, kMechanismAt = 12, kMechanismSize = 20;
constexpr unsigned char kMore = 1, kLong = 2, kCommand = 4;
constexpr uint64_t kMaxCommand = 16 * 1024;
constexpr size_t kReserveAtMost = 1024 * 1024;  // a length is a promise, not memory

[[noreturn]] void fail(ErrorCode code, const std::string& what) {
  throw Error(code, "speaking ZMTP: " + what);
}

uint64_t number_at(std::string_view bytes, size_t size) {
  uint64_t number = 0;
  for (size_t i = 0; i < size; ++i) number = number << 8 | static_cast<unsigned char>(bytes[i]);
  return number;
}

void append_number(std::string& out, uint64_t number, size_t size) {
  for (size_t i = size; i-- > 0;) out += static_cast<char>(number >> (8 * i) & 0xff);
}

void append_frame(std::string& out, unsigned char flags, std::string_view body) {
  bool is_long = body.size() > 255;
  out += static_cast<char>(flags | (is_long ? kLong : 0));
  append_number(out, body.size(), is_long ? 8 : 1);
  out += body;
}

void append_command(std::string& out, std::string_view name, std::string_view rest) {
  std::string body;
  append_number(body, name.size(), 1);
  append_frame(out, kCommand, body.append(name).append(rest));
}

void append_property(std::string& out, std::string_view name, std::string_view value) {
  append_number(out, name.size(), 1);
  out += name;
  append_number(out, value.size(), 4);
  out += value;
}

std::string greeting() {
  std::string text("\xff\0\0\0\0\0\0\0\x01\x7f\x03\x01NULL", 16);
  text.resize(kGreeting);
  return text;
}

}  // namespace

std::string encode_zmtp(const std::vector<std::string>& frames) {
  size_t size = 0;
  for (const std::string& frame : frames) size += frame.size();
  if (size > kMaxZmtpMessage)
    fail(ErrorCode::too_large,
         fmt::format("a message of {} bytes, at most {} are allowed", size, kMaxZmtpMessage));
  std::string out;
  out.reserve(size + 9 * frames.size());
  for (size_t i = 0; i < frames.size(); ++i) append_frame(out, i + 1 < frames.size() ? kMore : 0, frames[i]);
  return out;
}

ZmtpDecoder::ZmtpDecoder(ZmtpType type, std::string identity)
    : type_(type), identity_(std::move(identity)), answers_(greeting()) {}

std::string ZmtpDecoder::take_answers() { return std::exchange(answers_, {}); }

std::optional<ZmtpMessage> ZmtpDecoder::next() {
  if (complete_.empty()) return std::nullopt;
  ZmtpMessage message = std::move(complete_.front());
  complete_.pop_front();
  return message;
}

void ZmtpDecoder::feed(std::string_view bytes) {
  while (!bytes.empty()) {
    size_t used = stage_ == Stage::greeting ? take_greeting(bytes)
                  : in_body_                ? take_body(bytes)
                                            : take_header(bytes);
    bytes.remove_prefix(used);
  }
}

// What was there is judged as early as it can be: older peers wait for our version before they go on.
size_t ZmtpDecoder::take_greeting(std::string_view bytes) {
  size_t used = std::min(kGreeting - head_.size(), bytes.size());
  head_.append(bytes.substr(0, used));
  if (head_[0] != '\xff') fail(ErrorCode::invalid, "the peer's greeting is none");
  if (head_.size() > 9 && (head_[9] & 1) == 0) fail(ErrorCode::invalid, "the peer's greeting is none");
  auto version = [this](size_t part) { return static_cast<unsigned char>(head_[kVersionAt + part]); };
  if (head_.size() > kVersionAt && version(0) < 3)
    fail(ErrorCode::unsupported, fmt::format("the peer has version {}", version(0)));
  if (head_.size() < kGreeting) return used;
  std::string_view mechanism = std::string_view(head_).substr(kMechanismAt, kMechanismSize);
  mechanism = mechanism.substr(0, mechanism.find('\0'));
  if (mechanism != "NULL") fail(ErrorCode::unsupported, "the peer asks for another mechanism than NULL");
  knows_subscribe_ = version(0) > 3 || version(1) >= 1;
  head_.clear();
  stage_ = Stage::handshake;
  std::string properties;
  append_property(properties, "Socket-Type", type_ == ZmtpType::dealer ? "DEALER" : "SUB");
  if (type_ == ZmtpType::dealer) append_property(properties, "Identity", identity_);
  append_command(answers_, "READY", properties);
  return used;
}

size_t ZmtpDecoder::take_header(std::string_view bytes) {
  size_t want = head_.empty() ? 1 : head_[0] & kLong ? 9 : 2;
  size_t used = std::min(want - head_.size(), bytes.size());
  head_.append(bytes.substr(0, used));
  if (head_.size() < 2 || head_.size() < want) return used;
  flags_ = static_cast<unsigned char>(head_[0]);
  left_ = number_at(std::string_view(head_).substr(1), want - 1);
  head_.clear();
  begin_frame();
  return used;
}

void ZmtpDecoder::begin_frame() {
  if (flags_ & ~(kMore | kLong | kCommand)) fail(ErrorCode::invalid, fmt::format("flags {}", flags_));
  if (left_ > INT64_MAX) fail(ErrorCode::invalid, "a frame without end");
  skip_ = false;
  if (flags_ & kCommand) {
    if (flags_ & kMore) fail(ErrorCode::invalid, "a command that goes on");
    if (left_ > kMaxCommand) fail(ErrorCode::invalid, fmt::format("a command of {} bytes", left_));
  } else {
    if (stage_ != Stage::traffic) fail(ErrorCode::invalid, "a message before the handshake");
    if (++message_frames_ > kMaxZmtpFrames || left_ > kMaxZmtpMessage - message_bytes_) {
      message_.oversized = true;
      message_.frames.clear();
    }
    skip_ = message_.oversized;
    if (!skip_) message_bytes_ += left_;
  }
  frame_.clear();
  if (!skip_) frame_.reserve(std::min<uint64_t>(left_, kReserveAtMost));
  in_body_ = true;
  if (left_ == 0) end_frame();
}

size_t ZmtpDecoder::take_body(std::string_view bytes) {
  size_t used = std::min<uint64_t>(left_, bytes.size());
  if (!skip_) frame_.append(bytes.substr(0, used));
  left_ -= used;
  if (left_ == 0) end_frame();
  return used;
}

void ZmtpDecoder::end_frame() {
  in_body_ = false;
  std::string frame = std::exchange(frame_, {});
  if (flags_ & kCommand) return handle_command(frame);
  if (!skip_) message_.frames.push_back(std::move(frame));
  if (flags_ & kMore) return;
  complete_.push_back(std::exchange(message_, {}));
  message_bytes_ = message_frames_ = 0;
}

void ZmtpDecoder::handle_command(std::string_view command) {
  size_t length = command.empty() ? 0 : static_cast<unsigned char>(command[0]);
  if (length == 0 || length > command.size() - 1) fail(ErrorCode::invalid, "a command without a name");
  std::string_view name = command.substr(1, length), rest = command.substr(1 + length);
  if (name == "ERROR") {
    size_t size = rest.empty() ? 0 : static_cast<unsigned char>(rest[0]);
    fail(ErrorCode::unavailable, "the peer refuses: " + std::string(rest.substr(!rest.empty(), size)));
  }
  if (stage_ == Stage::handshake) {
    if (name != "READY") fail(ErrorCode::invalid, "another command than READY");
    return handle_ready(rest);
  }
  // PING has the peer's patience (2 bytes) and at most 16 bytes that it wants back.
  if (name == "PING" && rest.size() >= 2 && rest.size() <= 18)
    append_command(answers_, "PONG", rest.substr(2));
}

void ZmtpDecoder::handle_ready(std::string_view properties) {
  std::string type;
  while (!properties.empty()) {
    size_t name = static_cast<unsigned char>(properties[0]);
    if (name == 0 || properties.size() < 1 + name + 4) fail(ErrorCode::invalid, "a cut property");
    uint64_t value = number_at(properties.substr(1 + name), 4);
    if (value > properties.size() - 1 - name - 4) fail(ErrorCode::invalid, "a cut property");
    std::string key(properties.substr(1, name));
    std::transform(key.begin(), key.end(), key.begin(),
                   [](unsigned char c) { return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c; });
    if (key == "socket-type") type = properties.substr(1 + name + 4, value);
    properties.remove_prefix(1 + name + 4 + value);
  }
  // A DEALER as peer would be ourselves: connecting to a port where nobody listens may meet its own socket.
  bool fits = type_ == ZmtpType::dealer ? type == "ROUTER" : type == "PUB" || type == "XPUB";
  if (!fits) fail(ErrorCode::unsupported, "the peer's socket is of another type");
  stage_ = Stage::traffic;
  if (type_ != ZmtpType::sub) return;
  if (knows_subscribe_)
    append_command(answers_, "SUBSCRIBE", {});
  else
    append_frame(answers_, 0, "\x01");
}

}  // namespace osb::execd
