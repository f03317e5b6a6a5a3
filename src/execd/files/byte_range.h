// The Range header of a download (RFC 9110 §14), reduced to what the API serves: one slice.
#pragma once

#include <cstdint>
#include <string_view>

namespace osb::execd {

struct ByteRange {
  uint64_t begin = 0;
  uint64_t length = 0;
};

enum class RangeKind {
  slice,          // serve `range` with 206
  malformed,      // 416
  unsatisfiable,  // 416: nothing of the file is asked for
};

// "bytes=a-b", "bytes=a-", "bytes=-n", or a list of these of which the first that overlaps the file counts.
// Ends beyond the file are cut. Malformed: another unit, no list, b < a, no digits, beyond 2^63.
RangeKind read_range(std::string_view header, uint64_t size, ByteRange& range);

}  // namespace osb::execd
