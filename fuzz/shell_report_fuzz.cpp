// What a session's shell tells about itself: no input may crash the reader, and how the bytes are cut into
// pieces may not matter.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "execd/session/shell_report.h"

namespace {

std::vector<osb::execd::ShellReport> read(std::string_view bytes, size_t piece) {
  osb::execd::ShellReportReader reader;
  std::vector<osb::execd::ShellReport> out;
  while (!bytes.empty()) {
    reader.feed(bytes.substr(0, piece));
    bytes.remove_prefix(std::min(piece, bytes.size()));
    while (auto report = reader.next()) out.push_back(std::move(*report));
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  auto whole = read(bytes, std::max<size_t>(size, 1));
  for (size_t piece : {size_t{1}, size_t{3}, size_t{16}})
    if (read(bytes, piece) != whole) std::abort();
  return 0;
}
