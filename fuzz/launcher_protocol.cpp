// Launcher packets: what decodes is encoded to bytes that decode to the same bytes again.
#include <cstdlib>

#include "base/error.h"
#include "launcher/protocol.h"

namespace {
void require(bool condition) {
  if (!condition) std::abort();
}

template <class Decode>
void check(std::string_view packet, Decode decode) {
  using namespace osb;
  try {
    std::string once = launcher::encode(decode(packet));
    require(launcher::encode(decode(once)) == once);
  } catch (const Error& error) {
    require(error.code() == ErrorCode::invalid);
  }
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view packet(reinterpret_cast<const char*>(data), size);
  check(packet, [](std::string_view p) { return osb::launcher::decode_request(p); });
  check(packet, [](std::string_view p) { return osb::launcher::decode_reply(p); });
  return 0;
}
