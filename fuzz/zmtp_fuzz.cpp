// ZMTP from a Jupyter kernel, and the message of Jupyter in it: no input may crash them, how the bytes are
// cut into pieces may not matter, and a message that was read is written so that it reads the same.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "execd/code/jupyter/jupyter_message.h"
#include "execd/code/jupyter/zmtp.h"

namespace {

using namespace std::string_view_literals;
using osb::execd::ZmtpDecoder;
using osb::execd::ZmtpType;

struct Outcome {
  std::vector<std::vector<std::string>> messages;
  std::string answers;
  bool failed = false;
  bool operator==(const Outcome&) const = default;
};

Outcome decode(ZmtpType type, std::string_view bytes, size_t piece) {
  ZmtpDecoder decoder(type, "fuzz");
  Outcome outcome;
  try {
    while (!bytes.empty()) {
      decoder.feed(bytes.substr(0, piece));
      bytes.remove_prefix(std::min(piece, bytes.size()));
    }
  } catch (const osb::Error&) {
    outcome.failed = true;
  }
  outcome.answers = decoder.take_answers();
  while (auto message = decoder.next()) outcome.messages.push_back(message->frames);
  return outcome;
}

// A whole handshake, so that the fuzzer need not find it.
std::string opening(ZmtpType type) {
  std::string text("\xff\0\0\0\0\0\0\0\x01\x7f\x03\x01NULL"sv);
  text.resize(64);
  return text.append(type == ZmtpType::sub ? "\x04\x19\x05READY\x0bSocket-Type\0\0\0\x03PUB"sv
                                           : "\x04\x1c\x05READY\x0bSocket-Type\0\0\0\x06ROUTER"sv);
}

void read_as_jupyter(const std::vector<std::string>& frames) {
  try {
    osb::execd::JupyterSession("").decode(frames);
  } catch (const osb::Error&) {}
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  ZmtpType type = data[0] & 1 ? ZmtpType::sub : ZmtpType::dealer;
  std::string bytes = data[0] & 2 ? opening(type) : std::string();
  bytes.append(reinterpret_cast<const char*>(data) + 1, size - 1);
  Outcome whole = decode(type, bytes, std::max<size_t>(bytes.size(), 1));
  for (size_t piece : {size_t{1}, size_t{5}, size_t{17}})
    if (!(decode(type, bytes, piece) == whole)) std::abort();
  for (const auto& frames : whole.messages) {
    read_as_jupyter(frames);
    if (frames.empty()) continue;
    Outcome again = decode(type, opening(type) + osb::execd::encode_zmtp(frames), 64 * 1024);
    if (again.messages.size() != 1 || again.messages[0] != frames) std::abort();
  }
  return 0;
}
