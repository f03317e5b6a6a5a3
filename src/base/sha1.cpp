#include "base/sha1.h"

#include <bit>
#include <cstdint>

namespace osb {
namespace {

struct State {
  uint32_t h[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};

  void block(const unsigned char* bytes) {
    uint32_t w[80];
    for (int i = 0; i < 16; i++)
      w[i] = uint32_t{bytes[4 * i]} << 24 | uint32_t{bytes[4 * i + 1]} << 16 |
             uint32_t{bytes[4 * i + 2]} << 8 | bytes[4 * i + 3];
    for (int i = 16; i < 80; i++) w[i] = std::rotl(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    uint32_t a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];
    for (int i = 0; i < 80; i++) {
      uint32_t f = i < 20              ? ((b & c) | (~b & d))
                   : i >= 40 && i < 60 ? ((b & c) | (b & d) | (c & d))
                                       : b ^ c ^ d;
      uint32_t k = i < 20 ? 0x5a827999 : i < 40 ? 0x6ed9eba1 : i < 60 ? 0x8f1bbcdc : 0xca62c1d6;
      uint32_t next = std::rotl(a, 5) + f + e + k + w[i];
      e = d, d = c, c = std::rotl(b, 30), b = a, a = next;
    }
    h[0] += a, h[1] += b, h[2] += c, h[3] += d, h[4] += e;
  }
};

// With the bit that ends it, zeros, and its length in bits: whole blocks.
std::string padded(std::string_view text) {
  std::string out(text);
  out += '\x80';
  out.append((120 - out.size() % 64) % 64, '\0');
  for (int shift = 56; shift >= 0; shift -= 8)
    out += static_cast<char>(uint64_t{text.size()} * 8 >> shift & 255);
  return out;
}

}  // namespace

std::string sha1(std::string_view text) {
  State state;
  std::string blocks = padded(text);
  for (size_t at = 0; at < blocks.size(); at += 64)
    state.block(reinterpret_cast<const unsigned char*>(blocks.data()) + at);
  std::string digest;
  for (uint32_t word : state.h)
    for (int shift = 24; shift >= 0; shift -= 8) digest += static_cast<char>(word >> shift & 255);
  return digest;
}

}  // namespace osb
