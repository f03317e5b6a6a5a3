// Sixteen bytes at once, with the compiler's portable vectors (SSE2, NEON): for loops that look for a few
// bytes among many others.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace osb {

static_assert(std::endian::native == std::endian::little);

using ByteBlock = unsigned char __attribute__((vector_size(16)));
using ByteMask = signed char __attribute__((vector_size(16)));  // what comparing blocks gives: -1 or 0

inline ByteBlock load_block(const char* from) {
  ByteBlock block;
  std::memcpy(&block, from, sizeof block);
  return block;
}

inline void store_block(char* to, ByteBlock block) { std::memcpy(to, &block, sizeof block); }

// Sixteen times that byte.
inline ByteBlock block_of(unsigned char byte) { return ByteBlock{} + byte; }

// Index of the first byte that the mask marks; 16 if there is none.
inline size_t first_marked(ByteMask mask) {
  uint64_t halves[2];
  std::memcpy(halves, &mask, sizeof halves);
  if (halves[0] != 0) return static_cast<size_t>(std::countr_zero(halves[0])) / 8;
  return halves[1] != 0 ? 8 + static_cast<size_t>(std::countr_zero(halves[1])) / 8 : 16;
}

}  // namespace osb
