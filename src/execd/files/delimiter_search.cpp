// Where the first byte of the delimiter is rare, nothing is faster than memchr. Behind one that was found, 64
// places at once are judged by the first and the last byte of the delimiter; what passes is compared.
#include "execd/files/delimiter_search.h"

#include <string.h>

#include "base/byte_block.h"

namespace osb::execd {

namespace {

constexpr size_t kStep = 4 * sizeof(ByteBlock);
constexpr int kStepsInARow = 16;  // before memchr is tried again

// Does any of the kStep places from `at` have `first`, and `last` that many bytes later?
bool worth_a_look(const char* at, size_t later, unsigned char first, unsigned char last) {
  auto hits = [=](size_t i) { return (load_block(at + i) == first) & (load_block(at + i + later) == last); };
  auto any = hits(0) | hits(sizeof(ByteBlock)) | hits(2 * sizeof(ByteBlock)) | hits(3 * sizeof(ByteBlock));
  return __builtin_reduce_or(any) != 0;
}

// Among the places [from, to) of `bytes`; `to` if none.
size_t compare_each(std::string_view bytes, size_t from, size_t to, std::string_view delimiter) {
  for (size_t i = from; i < to; ++i) {
    if (bytes[i] != delimiter[0]) continue;
    if (delimiter.starts_with(bytes.substr(i, delimiter.size()))) return i;
  }
  return to;
}

}  // namespace

size_t find_delimiter(std::string_view bytes, std::string_view delimiter) {
  const size_t later = delimiter.size() - 1;
  const auto first = static_cast<unsigned char>(delimiter.front());
  const auto last = static_cast<unsigned char>(delimiter.back());
  auto fits = [&](size_t at) { return bytes.size() - at >= kStep + later; };
  size_t at = 0;
  while (fits(at)) {
    const void* next = memchr(bytes.data() + at, first, bytes.size() - at);
    if (!next) return bytes.size();
    at = static_cast<size_t>(static_cast<const char*>(next) - bytes.data());
    for (int steps = 0; steps < kStepsInARow && fits(at); ++steps, at += kStep) {
      if (!worth_a_look(bytes.data() + at, later, first, last)) continue;
      size_t found = compare_each(bytes, at, at + kStep, delimiter);
      if (found < at + kStep) return found;
    }
  }
  return compare_each(bytes, at, bytes.size(), delimiter);
}

}  // namespace osb::execd
