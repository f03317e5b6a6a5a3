// The decoder of worker messages: no input may crash it, and how the bytes are cut into pieces may not
// matter.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "execd/code/frame.h"

namespace {

struct Outcome {
  std::vector<std::string> messages;
  bool failed = false;
  bool operator==(const Outcome&) const = default;
};

Outcome decode(std::string_view bytes, size_t piece) {
  osb::execd::FrameDecoder decoder;
  Outcome outcome;
  try {
    while (!bytes.empty()) {
      decoder.feed(bytes.substr(0, piece));
      bytes.remove_prefix(std::min(piece, bytes.size()));
    }
  } catch (const osb::Error&) {
    outcome.failed = true;
  }
  while (auto message = decoder.next()) outcome.messages.push_back(*message);
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  Outcome whole = decode(bytes, std::max<size_t>(size, 1));
  for (size_t piece : {size_t{1}, size_t{5}, size_t{17}}) {
    if (!(decode(bytes, piece) == whole)) std::abort();
  }
  return 0;
}
