// WebSocket frames: however the bytes are cut they mean the same, no message exceeds the limit, texts are
// UTF-8 when checked as a whole, and what is written again reads the same.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "http/utf8.h"
#include "http/websocket_frame.h"

namespace {

using osb::http::Opcode;
using osb::http::WebSocketDecoder;
using osb::http::WebSocketError;
using osb::http::WebSocketMessage;
using From = WebSocketDecoder::From;

constexpr size_t kLimit = 1000;

void require(bool condition) {
  if (!condition) std::abort();
}

struct Outcome {
  std::vector<WebSocketMessage> messages;
  int failed = 0;
};

bool same(const Outcome& a, const Outcome& b) {
  return a.failed == b.failed && std::ranges::equal(a.messages, b.messages, [](const auto& x, const auto& y) {
           return x.kind == y.kind && x.payload == y.payload && x.close_code == y.close_code;
         });
}

void check(const WebSocketMessage& message) {
  bool control = message.kind != Opcode::text && message.kind != Opcode::binary;
  require(message.payload.size() <= (control ? 125 : kLimit));
  if (message.kind != Opcode::text && message.kind != Opcode::close) return;
  osb::http::Utf8Check text;
  require(text.feed(message.payload) && text.complete());
}

Outcome decode(std::string_view bytes, size_t piece, From from) {
  WebSocketDecoder decoder(from, kLimit);
  Outcome out;
  try {
    while (!bytes.empty()) {
      std::string_view given = bytes.substr(0, piece);
      WebSocketDecoder::Step step = decoder.feed(given);
      require(step.consumed > 0 && step.consumed <= given.size());
      bytes.remove_prefix(step.consumed);
      if (!step.message) continue;
      check(*step.message);
      out.messages.push_back(std::move(*step.message));
    }
  } catch (const WebSocketError& error) {
    out.failed = static_cast<int>(error.close_code());
  }
  return out;
}

std::string encode(const Outcome& outcome, From from) {
  std::string wire;
  osb::http::Mask mask;
  if (from == From::client) mask = 0x5ca1ab1e;
  for (const WebSocketMessage& message : outcome.messages) {
    std::string payload = message.payload;
    if (message.kind == Opcode::close) payload = close_payload(message.close_code, message.payload);
    append_frame(wire, message.kind, payload, mask);
  }
  return wire;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  for (From from : {From::client, From::server}) {
    Outcome whole = decode(bytes, std::max<size_t>(size, 1), from);
    for (size_t piece : {size_t{1}, size_t{3}, size_t{17}}) require(same(decode(bytes, piece, from), whole));
    Outcome again = decode(encode(whole, from), SIZE_MAX, from);
    whole.failed = 0;
    require(same(again, whole));
  }
  return 0;
}
