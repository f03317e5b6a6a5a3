#include "http/websocket_frame.h"

#include <gtest/gtest.h>

#include <vector>

#include "http/websocket_accept.h"

namespace osb::http {
namespace {

using namespace std::string_literals;
using From = WebSocketDecoder::From;

// "text:Hello", "close 1000:bye"; "error 1002" where the peer is refused.
std::string brief(const WebSocketMessage& message) {
  switch (message.kind) {
    case Opcode::text:
      return "text:" + message.payload;
    case Opcode::binary:
      return "binary:" + message.payload;
    case Opcode::ping:
      return "ping:" + message.payload;
    case Opcode::pong:
      return "pong:" + message.payload;
    default:
      return "close " + std::to_string(static_cast<int>(message.close_code)) + ":" + message.payload;
  }
}

std::vector<std::string> decode(std::string_view wire, From from = From::server, size_t limit = 1000000,
                                size_t piece = SIZE_MAX) {
  std::vector<std::string> out;
  WebSocketDecoder decoder(from, limit);
  try {
    while (!wire.empty()) {
      std::string_view given = wire.substr(0, piece);
      WebSocketDecoder::Step step = decoder.feed(given);
      EXPECT_GT(step.consumed, 0U);
      wire.remove_prefix(step.consumed);
      if (step.message) out.push_back(brief(*step.message));
    }
  } catch (const WebSocketError& error) {
    out.push_back("error " + std::to_string(static_cast<int>(error.close_code())));
  }
  return out;
}

using Texts = std::vector<std::string>;

std::string framed(Opcode kind, std::string_view payload, bool last = true, Mask mask = std::nullopt) {
  std::string out;
  append_frame(out, kind, payload, mask, last);
  return out;
}

// Section 5.7 of RFC 6455.
TEST(WebSocketFrame, ExamplesOfTheStandard) {
  EXPECT_EQ(decode("\x81\x05Hello"), Texts{"text:Hello"});
  EXPECT_EQ(decode("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", From::client), Texts{"text:Hello"});
  EXPECT_EQ(decode("\x01\x03Hel\x80\x02lo"s), Texts{"text:Hello"});
  EXPECT_EQ(decode("\x89\x05Hello"), Texts{"ping:Hello"});
  EXPECT_EQ(decode("\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", From::client), Texts{"pong:Hello"});
  std::string medium(256, 'm'), large(65536, 'l');
  EXPECT_EQ(decode("\x82\x7e\x01\x00"s + medium), Texts{"binary:" + medium});
  EXPECT_EQ(decode("\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00"s + large), Texts{"binary:" + large});
  EXPECT_EQ(framed(Opcode::text, "Hello"), "\x81\x05Hello");
  EXPECT_EQ(framed(Opcode::binary, medium), "\x82\x7e\x01\x00"s + medium);
  EXPECT_EQ(framed(Opcode::binary, large), "\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00"s + large);
}

// Section 1.3 of RFC 6455.
TEST(WebSocketFrame, HandshakeOfTheStandard) {
  EXPECT_EQ(websocket_accept("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

TEST(WebSocketFrame, ControlFramesComeOutBetweenFragments) {
  std::string wire = framed(Opcode::text, "a", false) + framed(Opcode::ping, "p") +
                     framed(Opcode::continuation, "", false) + framed(Opcode::pong, "") +
                     framed(Opcode::continuation, "b") + framed(Opcode::binary, "c");
  for (size_t piece : {size_t{1}, size_t{2}, size_t{3}, SIZE_MAX})
    EXPECT_EQ(decode(wire, From::server, 10, piece), (Texts{"ping:p", "pong:", "text:ab", "binary:c"}));
}

TEST(WebSocketFrame, MaskedPayloadsOfEveryLengthAndCut) {
  std::string payload;
  for (int i = 0; i < 300; i++) payload += static_cast<char>(i * 7);
  for (size_t length : {0, 1, 7, 8, 9, 125, 126, 127, 300}) {
    std::string wire = framed(Opcode::binary, payload.substr(0, length), true, 0xa1b2c3d4);
    for (size_t piece : {size_t{1}, size_t{5}, size_t{64}, SIZE_MAX})
      EXPECT_EQ(decode(wire, From::client, 1000, piece), Texts{"binary:" + payload.substr(0, length)});
  }
}

TEST(WebSocketFrame, RefusesWhatTheProtocolForbids) {
  const std::pair<const char*, std::string> cases[] = {
      {"reserved bit", "\xc1\x00"s},
      {"unknown opcode", "\x83\x00"s},
      {"unknown control opcode", "\x8b\x00"s},
      {"masked by a server", "\x81\x80____"s},
      {"fragmented ping", "\x09\x00"s},
      {"long ping", "\x89\x7e\x00\x7e"s},
      {"continuation of nothing", "\x80\x00"s},
      {"message inside a message",
       "\x01\x01"
       "a\x81\x01"
       "b"s},
      {"16-bit length that fits 7 bits", "\x82\x7e\x00\x7d"s},
      {"64-bit length that fits 16 bits", "\x82\x7f\x00\x00\x00\x00\x00\x00\xff\xff"s},
      {"64-bit length with its top bit", "\x82\x7f\x80\x00\x00\x00\x00\x00\x00\x00"s},
      {"half a close code", "\x88\x01\x03"s},
      {"close code 999", "\x88\x02\x03\xe7"s},
      {"close code 1005", "\x88\x02\x03\xed"s},
      {"close code 1015", "\x88\x02\x03\xf7"s},
      {"close code 2999", "\x88\x02\x0b\xb7"s},
      {"close code 5000", "\x88\x02\x13\x88"s},
  };
  for (const auto& [what, wire] : cases) EXPECT_EQ(decode(wire), Texts{"error 1002"}) << what;
  EXPECT_EQ(decode("\x81\x05Hello", From::client), Texts{"error 1002"}) << "without a mask";
}

TEST(WebSocketFrame, CloseFrames) {
  EXPECT_EQ(decode("\x88\x00"s), Texts{"close 1005:"});
  EXPECT_EQ(decode(framed(Opcode::close, close_payload(CloseCode::normal, "bye"))), Texts{"close 1000:bye"});
  EXPECT_EQ(decode(framed(Opcode::close, "\x0f\xa1"s)), Texts{"close 4001:"});
  EXPECT_EQ(decode("\x88\x03\x03\xe8\xff"s), Texts{"error 1007"});
  EXPECT_EQ(close_payload(CloseCode::none, "x"), "");
  // The reason is cut to 123 bytes, never inside a character.
  EXPECT_EQ(close_payload(CloseCode::normal, std::string(200, 'x')).size(), 125U);
  std::string cut = close_payload(CloseCode::normal, std::string(122, 'x') + "\xc3\xa9");
  EXPECT_EQ(decode(framed(Opcode::close, cut)), Texts{"close 1000:" + std::string(122, 'x')});
}

TEST(WebSocketFrame, TextsAreUtf8) {
  const std::pair<std::string, bool> cases[] = {
      {"\xc3\xa9", true},
      {"\xe2\x82\xac", true},
      {"\xf0\x9f\x98\x80", true},
      {"\xf4\x8f\xbf\xbf", true},
      {"\xed\x9f\xbf", true},
      {"\x80", false},
      {"\xc0\xaf", false},
      {"\xc1\xbf", false},
      {"\xe0\x9f\xbf", false},
      {"\xed\xa0\x80", false},
      {"\xf0\x8f\xbf\xbf", false},
      {"\xf4\x90\x80\x80", false},
      {"\xf5\x80\x80\x80", false},
      {"\xc3", false},
      {"\xe2\x82", false},
      {"\xe2\x28\xa1", false},
      {"\xff", false},
  };
  for (const auto& [text, good] : cases)
    for (const std::string& before : {""s, "x"s, "123456789"s}) {
      std::string whole = before + text;
      std::string wire = framed(Opcode::text, whole);
      Texts expected{good ? "text:" + whole : "error 1007"};
      for (size_t piece : {size_t{1}, SIZE_MAX})
        EXPECT_EQ(decode(wire, From::server, 100, piece), expected) << testing::PrintToString(whole);
    }
  // A character may be cut by fragments.
  EXPECT_EQ(decode(framed(Opcode::text, "\xe2\x82", false) + framed(Opcode::continuation, "\xac")),
            Texts{"text:\xe2\x82\xac"});
  // A bad text is refused before its frame is complete; bytes need not be text.
  EXPECT_EQ(decode("\x81\x05\xff"), Texts{"error 1007"});
  EXPECT_EQ(decode(framed(Opcode::binary, "\xff")), Texts{"binary:\xff"});
}

TEST(WebSocketFrame, MessagesAreBounded) {
  EXPECT_EQ(decode(framed(Opcode::binary, "0123456789"), From::server, 10), Texts{"binary:0123456789"});
  EXPECT_EQ(decode(framed(Opcode::binary, "0123456789a"), From::server, 10), Texts{"error 1009"});
  EXPECT_EQ(decode(framed(Opcode::binary, "012345", false) + framed(Opcode::continuation, "6789a"),
                   From::server, 10),
            Texts{"error 1009"});
  // The announcement is enough.
  EXPECT_EQ(decode("\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff"s, From::server, 10), Texts{"error 1009"});
  std::string flood = framed(Opcode::binary, "", false);
  for (size_t i = 0; i < WebSocketDecoder::kMaxFragments; i++)
    flood += framed(Opcode::continuation, "", false);
  EXPECT_EQ(decode(flood), Texts{"error 1009"});
}

}  // namespace
}  // namespace osb::http
