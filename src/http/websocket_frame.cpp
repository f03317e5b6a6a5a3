// Our own and not Beast's: its WebSocket is a template over Asio streams (our streams are virtual), brings
// deflate and its own timers and buffers per connection, and cannot be fed bytes without a socket. Frames are
// less code than the adapters would be.
#include "http/websocket_frame.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace osb::http {
namespace {

constexpr size_t kMaxControl = 125;

[[noreturn]] void refuse(const std::string& what) { throw WebSocketError(CloseCode::protocol_error, what); }

uint64_t big_endian(std::string_view bytes) {
  uint64_t value = 0;
  for (char byte : bytes) value = value << 8 | static_cast<uint8_t>(byte);
  return value;
}

void append_big_endian(std::string& out, uint64_t value, int bytes) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) out += static_cast<char>(value >> shift);
}

// Registered codes that may stand on the wire, and those free for applications.
bool is_close_code(uint64_t code) {
  if (code >= 3000 && code <= 4999) return true;
  return code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006;
}

bool is_known(uint8_t opcode) { return opcode <= 2 || (opcode >= 8 && opcode <= 10); }

void apply_mask(char* bytes, size_t count, const uint8_t (&mask)[4], uint64_t at) {
  uint8_t turned[8];
  for (size_t i = 0; i < 8; i++) turned[i] = mask[(at + i) & 3];
  uint64_t pattern;
  std::memcpy(&pattern, turned, sizeof pattern);
  size_t i = 0;
  for (; i + 8 <= count; i += 8) {
    uint64_t word;
    std::memcpy(&word, bytes + i, sizeof word);
    word ^= pattern;
    std::memcpy(bytes + i, &word, sizeof word);
  }
  for (; i < count; i++) bytes[i] = static_cast<char>(static_cast<uint8_t>(bytes[i]) ^ turned[i & 7]);
}

void append_head(std::string& out, Opcode opcode, size_t length, bool masked, bool last) {
  out += static_cast<char>((last ? 0x80 : 0) | static_cast<uint8_t>(opcode));
  const uint8_t mask_bit = masked ? 0x80 : 0;
  if (length < 126) {
    out += static_cast<char>(mask_bit | length);
  } else if (length <= 0xffff) {
    out += static_cast<char>(mask_bit | 126);
    append_big_endian(out, length, 2);
  } else {
    out += static_cast<char>(mask_bit | 127);
    append_big_endian(out, length, 8);
  }
}

}  // namespace

// Bytes of this head, as far as those that are there tell.
size_t WebSocketDecoder::head_size() const {
  if (head_bytes_.size() < 2) return 2;
  auto second = static_cast<uint8_t>(head_bytes_[1]);
  size_t size = 2;
  if ((second & 0x7f) == 126) size += 2;
  if ((second & 0x7f) == 127) size += 8;
  return (second & 0x80) != 0 ? size + 4 : size;
}

void WebSocketDecoder::read_head() {
  auto first = static_cast<uint8_t>(head_bytes_[0]);
  if ((first & 0x70) != 0) refuse("a reserved bit is set");
  if (!is_known(first & 0x0f)) refuse("unknown opcode " + std::to_string(first & 0x0f));
  head_.opcode = static_cast<Opcode>(first & 0x0f);
  head_.last = (first & 0x80) != 0;
  bool masked = (static_cast<uint8_t>(head_bytes_[1]) & 0x80) != 0;
  if (masked != (from_ == From::client)) refuse(masked ? "a masked frame" : "a frame without a mask");
  std::memset(head_.mask, 0, sizeof head_.mask);
  if (masked) std::memcpy(head_.mask, head_bytes_.data() + head_bytes_.size() - 4, 4);
  read_length();
  if (is_control()) {
    check_control();
  } else {
    check_data();
  }
  left_ = head_.length;
  mask_at_ = 0;
  in_payload_ = true;
  head_bytes_.clear();
}

void WebSocketDecoder::read_length() {
  auto text = std::string_view(head_bytes_);
  head_.length = static_cast<uint8_t>(text[1]) & 0x7f;
  if (head_.length < 126) return;
  bool is_long = head_.length == 127;
  head_.length = big_endian(text.substr(2, is_long ? 8 : 2));
  if (head_.length < (is_long ? 0x10000U : 126U)) refuse("a length that is not in its shortest form");
  if (head_.length >> 63 != 0) refuse("a length of 64 bits");
}

void WebSocketDecoder::check_control() const {
  if (!head_.last) refuse("a control frame in fragments");
  if (head_.length > kMaxControl) refuse("a control frame of more than 125 bytes");
}

void WebSocketDecoder::check_data() {
  if (head_.opcode == Opcode::continuation) {
    if (!open_) refuse("a continuation of nothing");
  } else {
    if (open_) refuse("a new message inside another");
    open_ = head_.opcode;
    text_ = {};
    fragments_ = 0;
  }
  if (head_.length > limit_ - message_.size())
    throw WebSocketError(CloseCode::too_large, "a message of more than " + std::to_string(limit_) + " bytes");
  if (++fragments_ > kMaxFragments)
    throw WebSocketError(CloseCode::too_large, "a message in too many fragments");
}

void WebSocketDecoder::take_payload(std::string_view bytes) {
  std::string& into = is_control() ? control_ : message_;
  size_t before = into.size();
  into.append(bytes);
  if (from_ == From::client) apply_mask(into.data() + before, bytes.size(), head_.mask, mask_at_);
  mask_at_ += bytes.size();
  left_ -= bytes.size();
  if (!is_control() && open_ == Opcode::text && !text_.feed(std::string_view(into).substr(before)))
    throw WebSocketError(CloseCode::bad_text, "a text that is not UTF-8");
}

std::optional<WebSocketMessage> WebSocketDecoder::end_frame() {
  in_payload_ = false;
  if (head_.opcode == Opcode::close) return end_close();
  if (is_control()) return WebSocketMessage{head_.opcode, std::exchange(control_, {}), {}};
  if (!head_.last) return std::nullopt;
  if (open_ == Opcode::text && !text_.complete())
    throw WebSocketError(CloseCode::bad_text, "a text that ends inside a character");
  WebSocketMessage out{*open_, std::exchange(message_, {}), {}};
  open_.reset();
  return out;
}

WebSocketMessage WebSocketDecoder::end_close() {
  WebSocketMessage out{Opcode::close, {}, CloseCode::none};
  std::string payload = std::exchange(control_, {});
  if (payload.empty()) return out;
  if (payload.size() == 1) refuse("half a close code");
  uint64_t code = big_endian(std::string_view(payload).substr(0, 2));
  if (!is_close_code(code)) refuse("close code " + std::to_string(code));
  out.close_code = static_cast<CloseCode>(code);
  out.payload = payload.substr(2);
  Utf8Check text;
  if (!text.feed(out.payload) || !text.complete())
    throw WebSocketError(CloseCode::bad_text, "a close reason that is not UTF-8");
  return out;
}

WebSocketDecoder::Step WebSocketDecoder::feed(std::string_view bytes) {
  Step step;
  while (step.consumed < bytes.size()) {
    std::string_view rest = bytes.substr(step.consumed);
    if (!in_payload_) {
      std::string_view piece = rest.substr(0, head_size() - head_bytes_.size());
      head_bytes_.append(piece);
      step.consumed += piece.size();
      if (head_bytes_.size() < head_size()) continue;
      read_head();
    } else {
      std::string_view piece = rest.substr(0, std::min<uint64_t>(left_, rest.size()));
      take_payload(piece);
      step.consumed += piece.size();
    }
    if (left_ > 0) continue;
    step.message = end_frame();
    if (step.message) break;
  }
  return step;
}

void append_frame_head(std::string& out, Opcode opcode, size_t length) {
  append_head(out, opcode, length, false, true);
}

void append_frame(std::string& out, Opcode opcode, std::string_view payload, Mask mask, bool last) {
  append_head(out, opcode, payload.size(), mask.has_value(), last);
  if (!mask) {
    out.append(payload);
    return;
  }
  uint8_t bytes[4];
  std::memcpy(bytes, &*mask, sizeof bytes);
  out.append(reinterpret_cast<const char*>(bytes), sizeof bytes);
  size_t before = out.size();
  out.append(payload);
  apply_mask(out.data() + before, payload.size(), bytes, 0);
}

std::string close_payload(CloseCode code, std::string_view reason) {
  std::string out;
  if (code == CloseCode::none) return out;
  append_big_endian(out, static_cast<uint16_t>(code), 2);
  size_t fits = std::min(reason.size(), kMaxControl - 2);
  while (fits < reason.size() && fits > 0 && (static_cast<uint8_t>(reason[fits]) & 0xc0) == 0x80) fits--;
  out.append(reason.substr(0, fits));
  return out;
}

}  // namespace osb::http
