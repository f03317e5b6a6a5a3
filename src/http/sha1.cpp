#include "http/sha1.h"

#include <bit>

namespace osb::http {
namespace {

constexpr size_t kBlock = 64;
using State = std::array<uint32_t, 5>;

uint32_t big_endian(const char* at) {
  uint32_t value = 0;
  for (int i = 0; i < 4; i++) value = value << 8 | static_cast<uint8_t>(at[i]);
  return value;
}

struct Round {
  uint32_t mixed;
  uint32_t constant;
};

Round round_of(int i, uint32_t b, uint32_t c, uint32_t d) {
  if (i < 20) return {(b & c) | (~b & d), 0x5a827999};
  if (i < 40) return {b ^ c ^ d, 0x6ed9eba1};
  if (i < 60) return {(b & c) | (b & d) | (c & d), 0x8f1bbcdc};
  return {b ^ c ^ d, 0xca62c1d6};
}

void add_block(State& state, const char* block) {
  uint32_t words[80];
  for (int i = 0; i < 16; i++) words[i] = big_endian(block + 4 * i);
  for (int i = 16; i < 80; i++)
    words[i] = std::rotl(words[i - 3] ^ words[i - 8] ^ words[i - 14] ^ words[i - 16], 1);
  auto [a, b, c, d, e] = state;
  for (int i = 0; i < 80; i++) {
    auto [mixed, constant] = round_of(i, b, c, d);
    uint32_t next = std::rotl(a, 5) + mixed + e + constant + words[i];
    e = d;
    d = c;
    c = std::rotl(b, 30);
    b = a;
    a = next;
  }
  const uint32_t sum[5] = {a, b, c, d, e};
  for (size_t i = 0; i < state.size(); i++) state[i] += sum[i];
}

}  // namespace

std::array<uint8_t, 20> sha1(std::string_view bytes) {
  std::string padded(bytes);
  padded += '\x80';
  while (padded.size() % kBlock != kBlock - 8) padded += '\0';
  for (int shift = 56; shift >= 0; shift -= 8)
    padded += static_cast<char>(static_cast<uint64_t>(bytes.size()) * 8 >> shift);
  State state = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
  for (size_t at = 0; at < padded.size(); at += kBlock) add_block(state, padded.data() + at);
  std::array<uint8_t, 20> out;
  for (size_t i = 0; i < out.size(); i++) out[i] = static_cast<uint8_t>(state[i / 4] >> (24 - 8 * (i % 4)));
  return out;
}

std::string base64(std::span<const uint8_t> bytes) {
  constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (size_t at = 0; at < bytes.size(); at += 3) {
    uint32_t group = 0;
    size_t left = bytes.size() - at;
    for (size_t i = 0; i < 3; i++) group = group << 8 | (i < left ? bytes[at + i] : 0U);
    for (size_t i = 0; i < 4; i++) out += i <= left ? kDigits[group >> (18 - 6 * i) & 63] : '=';
  }
  return out;
}

}  // namespace osb::http
