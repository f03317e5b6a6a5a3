#include "base/json_text.h"

#include <cstdint>

namespace osb {

namespace {

// Decodes one code point at text[at]; returns its length in bytes, or 0 if the bytes there are not UTF-8.
size_t decode_utf8(std::string_view text, size_t at, uint32_t& point) {
  auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  unsigned char lead = byte(at);
  size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || at + length > text.size()) return 0;
  point = lead & (0xff >> (length + 1));
  for (size_t i = 1; i < length; i++) {
    if ((byte(at + i) & 0xc0) != 0x80) return 0;
    point = point << 6 | (byte(at + i) & 0x3f);
  }
  constexpr uint32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  bool surrogate = point >= 0xd800 && point <= 0xdfff;
  return point < kSmallest[length] || point > 0x10ffff || surrogate ? 0 : length;
}

void append_escape(std::string& out, uint32_t point) {
  constexpr char hex[] = "0123456789abcdef";
  out += "\\u";
  for (int shift = 12; shift >= 0; shift -= 4) out += hex[(point >> shift) & 15];
}

void append_ascii(std::string& out, unsigned char c) {
  switch (c) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      append_escape(out, c);
  }
}

bool is_plain(unsigned char c) {
  return c >= 0x20 && c < 0x7f && c != '"' && c != '\\' && c != '<' && c != '>' && c != '&';
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  size_t at = 0;
  while (at < text.size()) {
    size_t run = at;
    while (run < text.size() && is_plain(static_cast<unsigned char>(text[run]))) run++;
    out.append(text, at, run - at);
    at = run;
    if (at == text.size()) break;
    auto c = static_cast<unsigned char>(text[at]);
    if (c < 0x80) {
      append_ascii(out, c);
      at++;
      continue;
    }
    uint32_t point = 0;
    size_t length = decode_utf8(text, at, point);
    if (length == 0) {
      out += "\\ufffd";
      at++;
    } else if (point < 0xa0 || point == 0x2028 || point == 0x2029) {
      append_escape(out, point);
      at += length;
    } else {
      out.append(text, at, length);
      at += length;
    }
  }
  out += '"';
}

std::string json_string(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

}  // namespace osb
