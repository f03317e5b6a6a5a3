#include "execd/files/byte_range.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/trim.h"

namespace osb::execd {

namespace {

std::optional<uint64_t> number(std::string_view text) {
  int64_t value = 0;
  auto [end, err] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (err != std::errc() || end != text.data() + text.size() || text[0] == '-') return std::nullopt;
  return static_cast<uint64_t>(value);
}

// One "a-b"; false if malformed. length 0 if it does not overlap the file.
bool read_one(std::string_view text, uint64_t size, ByteRange& range) {
  size_t dash = text.find('-');
  if (dash == std::string_view::npos) return false;
  std::string_view first = trim(text.substr(0, dash)), last = trim(text.substr(dash + 1));
  range = {};
  if (first.empty()) {
    std::optional<uint64_t> count = number(last);
    if (!count) return false;
    range.length = std::min(*count, size);
    range.begin = size - range.length;
    return true;
  }
  std::optional<uint64_t> begin = number(first);
  std::optional<uint64_t> end = last.empty() ? std::optional<uint64_t>(INT64_MAX) : number(last);
  if (!begin || !end || *end < *begin) return false;
  range.begin = *begin;
  if (*begin < size) range.length = std::min(*end, size - 1) - *begin + 1;
  return true;
}

}  // namespace

RangeKind read_range(std::string_view header, uint64_t size, ByteRange& range) {
  header = trim(header);
  if (!header.starts_with("bytes=")) return RangeKind::malformed;
  header.remove_prefix(6);
  bool any = false;
  std::optional<ByteRange> chosen;
  while (!header.empty()) {
    std::string_view item = header.substr(0, header.find(','));
    header.remove_prefix(std::min(item.size() + 1, header.size()));
    item = trim(item);
    if (item.empty()) continue;  // empty list elements are allowed
    ByteRange one;
    if (!read_one(item, size, one)) return RangeKind::malformed;
    any = true;
    if (one.length > 0 && !chosen) chosen = one;
  }
  if (!any) return RangeKind::malformed;
  if (!chosen) return RangeKind::unsatisfiable;
  range = *chosen;
  return RangeKind::slice;
}

}  // namespace osb::execd
