#include "wire/utf8_text.h"

#include <algorithm>
#include <charconv>

#include "http/utf8.h"

namespace opensandbox::detail {
namespace {

struct Piece {
  size_t length;  // bytes
  bool good;      // a character; else the beginning of one, or one byte
};

Piece first_piece(std::string_view text) {
  for (size_t length = 1; length <= text.size(); length++) {
    osb::http::Utf8Check check;
    if (!check.feed(text.substr(0, length))) return {std::max<size_t>(length - 1, 1), false};
    if (check.complete()) return {length, true};
  }
  return {text.size(), false};
}

// The unit of UTF-16 that `\uXXXX` at the front of the text stands for; 0 if that is no such escape.
unsigned escaped_unit(std::string_view text) {
  unsigned unit = 0;
  if (text.size() < 6 || !text.starts_with("\\u")) return 0;
  auto [end, bad] = std::from_chars(text.data() + 2, text.data() + 6, unit, 16);
  return bad == std::errc() && end == text.data() + 6 ? unit : 0;
}

bool is_high(unsigned unit) { return unit >= 0xd800 && unit < 0xdc00; }
bool is_low(unsigned unit) { return unit >= 0xdc00 && unit < 0xe000; }

// Bytes of the escape at the front: a pair, or one.
size_t escape_length(std::string_view text, unsigned unit) {
  if (unit == 0) return std::min<size_t>(text.size(), 2);
  return is_high(unit) && is_low(escaped_unit(text.substr(6))) ? 12 : 6;
}

}  // namespace

std::string valid_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    Piece piece = static_cast<unsigned char>(text[0]) < 0x80 ? Piece{1, true} : first_piece(text);
    out += piece.good ? text.substr(0, piece.length) : "\xef\xbf\xbd";
    text.remove_prefix(piece.length);
  }
  return out;
}

std::string without_lone_surrogates(std::string_view json) {
  std::string out;
  out.reserve(json.size());
  while (!json.empty()) {
    size_t plain = std::min(json.find('\\'), json.size());
    out += json.substr(0, plain);
    json.remove_prefix(plain);
    if (json.empty()) break;
    unsigned unit = escaped_unit(json);
    size_t length = escape_length(json, unit);
    bool alone = length == 6 && (is_high(unit) || is_low(unit));
    out += alone ? "\\ufffd" : json.substr(0, length);
    json.remove_prefix(length);
  }
  return out;
}

}  // namespace opensandbox::detail
