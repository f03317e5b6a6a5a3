// 64 places are judged at once by the first and the last byte of the delimiter; what passes is compared.
#include "execd/files/delimiter_search.h"

#include <string.h>

#include <algorithm>

namespace osb::execd {

namespace {

using Bytes = unsigned char __attribute__((vector_size(16)));
constexpr size_t kStep = 4 * sizeof(Bytes);

Bytes load(const char* from) {
  Bytes bytes;
  memcpy(&bytes, from, sizeof bytes);
  return bytes;
}

// Does any of the kStep places from `at` have `first`, and `last` that many bytes later?
bool worth_a_look(const char* at, size_t later, unsigned char first, unsigned char last) {
  auto hits = [=](size_t i) { return (load(at + i) == first) & (load(at + i + later) == last); };
  auto any = hits(0) | hits(sizeof(Bytes)) | hits(2 * sizeof(Bytes)) | hits(3 * sizeof(Bytes));
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
  size_t at = 0;
  for (; bytes.size() >= kStep + later && at <= bytes.size() - kStep - later; at += kStep) {
    if (!worth_a_look(bytes.data() + at, later, first, last)) continue;
    size_t found = compare_each(bytes, at, at + kStep, delimiter);
    if (found < at + kStep) return found;
  }
  return compare_each(bytes, at, bytes.size(), delimiter);
}

}  // namespace osb::execd
