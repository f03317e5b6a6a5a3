// Range and conditions of a download, whatever they say: a slice lies inside the file, and a date that is
// read is written the same way again.
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <string>
#include <string_view>

#include "execd/files/byte_range.h"
#include "execd/files/download_conditions.h"

namespace {

using osb::execd::ByteRange;
using osb::execd::RangeKind;

void check_range(std::string_view text, uint64_t size) {
  ByteRange range;
  if (osb::execd::read_range(text, size, range) != RangeKind::slice) return;
  if (range.length == 0 || range.begin >= size || range.length > size - range.begin) abort();
  std::string same =
      "bytes=" + std::to_string(range.begin) + "-" + std::to_string(range.begin + range.length - 1);
  ByteRange again;
  if (osb::execd::read_range(same, size, again) != RangeKind::slice || again.begin != range.begin ||
      again.length != range.length)
    abort();
}

void check_conditions(std::string_view text) {
  const osb::execd::Version now{"\"a-1\"", 1795259546};
  for (const char* name :
       {"If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since", "If-Range"}) {
    osb::http::Headers headers;
    headers.add(name, std::string(text));
    osb::execd::DownloadConditions conditions(headers);
    conditions.judge(now);
    conditions.range_counts(now);
  }
  auto date = osb::execd::read_http_date(text);
  if (date && *date >= 0 && *date < 253402300800 &&
      osb::execd::read_http_date(osb::execd::http_date(*date)) != date)
    abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 8) return 0;
  uint64_t file = 0;
  memcpy(&file, data, sizeof file);
  std::string_view text(reinterpret_cast<const char*>(data) + 8, size - 8);
  check_range(text, (file & INT64_MAX) >> (file & 63));  // a file is no longer than that
  check_conditions(text);
  return 0;
}
