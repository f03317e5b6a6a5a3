// Plain bytes are copied in blocks; the copy runs ahead of what is decided and is written over where an
// escape follows. That never writes beyond the room, since the rest of the text needs at least as much.
#include "base/json_text.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>

#include "base/byte_block.h"

namespace osb {

namespace {

constexpr size_t kLongestEscape = 6;  // \u001f

bool is_plain(unsigned char c) {
  return c >= 0x20 && c < 0x7f && c != '"' && c != '\\' && c != '<' && c != '>' && c != '&';
}

// The same, for sixteen. Two pairs of characters differ in one bit each.
ByteMask not_plain(ByteBlock block) {
  static_assert(('"' | 4) == '&' && ('<' | 2) == '>');
  return (block - block_of(0x20) >= block_of(0x7f - 0x20)) | ((block | block_of(4)) == block_of('&')) |
         ((block | block_of(2)) == block_of('>')) | (block == block_of('\\'));
}

char* write_escape(char* out, uint32_t point) {
  constexpr char hex[] = "0123456789abcdef";
  char text[kLongestEscape] = {
      '\\', 'u', hex[point >> 12 & 15], hex[point >> 8 & 15], hex[point >> 4 & 15], hex[point & 15]};
  std::memcpy(out, text, sizeof text);
  return out + sizeof text;
}

char short_escape(unsigned char c) {
  switch (c) {
    case '\n':
      return 'n';
    case '\r':
      return 'r';
    case '\t':
      return 't';
    case '"':
    case '\\':
      return static_cast<char>(c);
    default:
      return 0;
  }
}

char* write_ascii(char* out, unsigned char c) {
  char name = short_escape(c);
  if (name == 0) return write_escape(out, c);
  out[0] = '\\';
  out[1] = name;
  return out + 2;
}

// Length of the character that begins at `in`, whose first byte is not ASCII; 0 if it is not UTF-8.
size_t character_length(const unsigned char* in, size_t left) {
  unsigned char lead = in[0];
  auto goes_on = [in](size_t i) { return (in[i] & 0xc0) == 0x80; };
  if (lead < 0xc2 || left < 2 || !goes_on(1)) return 0;
  if (lead < 0xe0) return 2;
  if (left < 3 || !goes_on(2)) return 0;
  bool overlong = (lead == 0xe0 && in[1] < 0xa0) || (lead == 0xf0 && in[1] < 0x90);
  bool surrogate = lead == 0xed && in[1] >= 0xa0;
  if (overlong || surrogate) return 0;
  if (lead < 0xf0) return 3;
  bool too_large = lead > 0xf4 || (lead == 0xf4 && in[1] >= 0x90);
  return left < 4 || !goes_on(3) || too_large ? 0 : 4;
}

// Characters of several bytes that clients take for the end of a line, and their like; 0 for others.
uint32_t point_to_escape(const unsigned char* in) {
  if (in[0] == 0xc2 && in[1] < 0xa0) return in[1];
  if (in[0] == 0xe2 && in[1] == 0x80 && (in[2] == 0xa8 || in[2] == 0xa9)) return 0x2000u | (in[2] & 0x3fu);
  return 0;
}

// Writes one character that is not plain ASCII and moves `in` behind it.
char* write_special(char* out, const unsigned char*& in, const unsigned char* end) {
  if (*in < 0x80) return write_ascii(out, *in++);
  size_t length = character_length(in, static_cast<size_t>(end - in));
  if (length == 0) {
    ++in;
    return write_escape(out, 0xfffd);
  }
  const unsigned char* from = in;
  in += length;
  if (uint32_t point = point_to_escape(from)) return write_escape(out, point);
  if (end - from >= 4)
    std::memcpy(out, from, 4);  // too much perhaps, but there is room and it is one instruction
  else
    std::memcpy(out, from, length);
  return out + length;
}

char* write_escaped(char* out, std::string_view text) {
  auto in = reinterpret_cast<const unsigned char*>(text.data());
  const unsigned char* end = in + text.size();
  while (end - in >= static_cast<ptrdiff_t>(sizeof(ByteBlock))) {
    ByteBlock block = load_block(reinterpret_cast<const char*>(in));
    store_block(out, block);
    size_t plain = first_marked(not_plain(block));
    in += plain;
    out += plain;
    if (plain == sizeof block) continue;
    do out = write_special(out, in, end);
    while (in < end && !is_plain(*in));
  }
  while (in < end)
    if (is_plain(*in))
      *out++ = static_cast<char>(*in++);
    else
      out = write_special(out, in, end);
  return out;
}

// At most `limit` bytes of the text that end with a whole character, or with a byte that belongs to none.
std::string_view whole_characters(std::string_view text, size_t limit) {
  if (text.size() <= limit) return text;
  for (size_t back = 0; back <= 3; ++back)
    if ((static_cast<unsigned char>(text[limit - back]) & 0xc0) != 0x80) return text.substr(0, limit - back);
  return text.substr(0, limit);
}

// Sixteen counters run side by side, for as many blocks as a byte can count.
size_t count_not_plain(std::string_view text) {
  constexpr size_t kBlocks = 255;
  size_t count = 0;
  while (text.size() >= sizeof(ByteBlock)) {
    ByteBlock counters = {};
    size_t blocks = std::min(text.size() / sizeof(ByteBlock), kBlocks);
    for (size_t i = 0; i < blocks; ++i)
      counters -= std::bit_cast<ByteBlock>(not_plain(load_block(text.data() + i * sizeof(ByteBlock))));
    for (size_t i = 0; i < sizeof counters; ++i) count += counters[i];
    text.remove_prefix(blocks * sizeof(ByteBlock));
  }
  return count + text.size();
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  constexpr size_t kPart = 1024;
  char buffer[kPart * kLongestEscape];
  out += '"';
  while (!text.empty()) {
    std::string_view part = whole_characters(text, kPart);
    out.append(buffer, write_escaped(buffer, part));
    text.remove_prefix(part.size());
  }
  out += '"';
}

std::string json_string(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

char* write_json_string(char* out, std::string_view text) {
  *out++ = '"';
  out = write_escaped(out, text);
  *out++ = '"';
  return out;
}

size_t json_string_room(std::string_view text) {
  constexpr size_t kShort = 256;
  size_t escaped = text.size() <= kShort ? text.size() : count_not_plain(text);
  return 2 + text.size() + (kLongestEscape - 1) * escaped;
}

}  // namespace osb
