// Packets of the launcher protocol: whatever decodes must encode to the same bytes; nothing else may happen
// but Error(invalid).
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "launcher/protocol.h"

namespace {
template <class Decode>
void try_packet(std::string_view packet, Decode decode) {
  try {
    if (osb::launcher::encode(decode(packet)) != packet) std::abort();
  } catch (const osb::Error& error) {
    if (error.code() != osb::ErrorCode::invalid) std::abort();
  }
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view packet(reinterpret_cast<const char*>(data), size);
  try_packet(packet, osb::launcher::decode_request);
  try_packet(packet, osb::launcher::decode_reply);
  return 0;
}
