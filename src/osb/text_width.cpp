#include "osb/text_width.h"

#include <cstdint>

namespace osb::cli {

namespace {

struct Character {
  uint32_t point;
  size_t bytes;
};

Character first(std::string_view text) {
  auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  uint8_t lead = byte(0);
  size_t length = lead < 0x80 ? 1 : lead >> 5 == 6 ? 2 : lead >> 4 == 14 ? 3 : lead >> 3 == 30 ? 4 : 0;
  if (length == 0 || length > text.size()) return {lead, 1};
  uint32_t point = length == 1 ? lead : lead & (0xffu >> (length + 1));
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {lead, 1};
    point = point << 6 | (byte(i) & 0x3fu);
  }
  return {point, length};
}

struct Range {
  uint32_t low, high;
};

// The blocks that terminals draw two columns wide.
constexpr Range kWide[] = {{0x1100, 0x115f},   {0x2e80, 0x303e},   {0x3041, 0x33ff},  {0x3400, 0x4dbf},
                           {0x4e00, 0x9fff},   {0xa000, 0xa4cf},   {0xac00, 0xd7a3},  {0xf900, 0xfaff},
                           {0xfe30, 0xfe4f},   {0xff00, 0xff60},   {0xffe0, 0xffe6},  {0x1f300, 0x1f64f},
                           {0x1f680, 0x1f6ff}, {0x1f900, 0x1f9ff}, {0x20000, 0x3fffd}};
constexpr Range kNone[] = {{0x300, 0x36f}, {0x200b, 0x200f}, {0x20d0, 0x20ff}, {0xfe00, 0xfe0f}};

template <size_t N>
bool contains(const Range (&ranges)[N], uint32_t point) {
  for (const Range& range : ranges)
    if (point >= range.low && point <= range.high) return true;
  return false;
}

size_t columns_of(uint32_t point) { return contains(kNone, point) ? 0 : contains(kWide, point) ? 2 : 1; }

}  // namespace

size_t text_width(std::string_view text) {
  size_t width = 0;
  while (!text.empty()) {
    Character next = first(text);
    width += columns_of(next.point);
    text.remove_prefix(next.bytes);
  }
  return width;
}

std::string shorten(std::string_view text, size_t columns) {
  if (text_width(text) <= columns) return std::string(text);
  if (columns == 0) return {};
  size_t width = 0, end = 0;
  while (true) {
    Character next = first(text.substr(end));
    if (width + columns_of(next.point) > columns - 1) break;
    width += columns_of(next.point);
    end += next.bytes;
  }
  return std::string(text.substr(0, end)) + "…";
}

std::string pad(std::string_view text, size_t columns) {
  size_t width = text_width(text);
  return std::string(text) + std::string(width < columns ? columns - width : 0, ' ');
}

std::string visible(std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  while (!text.empty()) {
    Character next = first(text);
    bool c1 = next.bytes == 2 && next.point < 0xa0;
    if (next.point >= 0x20 && next.point != 0x7f && !c1 && (next.bytes > 1 || next.point < 0x80)) {
      out += text.substr(0, next.bytes);
    } else if (next.point == '\n') {
      out += "\\n";
    } else if (next.point == '\t') {
      out += "\\t";
    } else {
      out += std::string("\\x") + kHex[next.point >> 4 & 15] + kHex[next.point & 15];
    }
    text.remove_prefix(next.bytes);
  }
  return out;
}

}  // namespace osb::cli
