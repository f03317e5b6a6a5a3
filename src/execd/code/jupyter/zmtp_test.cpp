#include "execd/code/jupyter/zmtp.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"

namespace osb::execd {
namespace {

using namespace std::string_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::string kSignature = "\xff\0\0\0\0\0\0\0\x01\x7f"s;
const std::string kGreeting31 = kSignature + "\x03\x01NULL"s + std::string(48, '\0');
const std::string kGreeting30 = kSignature + "\x03\x00NULL"s + std::string(48, '\0');
const std::string kRouterReady = "\x04\x1c\x05READY\x0bSocket-Type\0\0\0\x06ROUTER"s;
const std::string kXpubReady = "\x04\x1a\x05READY\x0bSocket-Type\0\0\0\x04XPUB"s;

std::string failure(ZmtpType type, std::string_view bytes) {
  try {
    ZmtpDecoder(type, {}).feed(bytes);
  } catch (const Error& error) {
    return std::string(to_string(error.code())) + " " + error.message();
  }
  return "none";
}

ZmtpDecoder connected() {
  ZmtpDecoder decoder(ZmtpType::dealer, "me");
  decoder.feed(kGreeting31 + kRouterReady);
  decoder.take_answers();
  return decoder;
}

TEST(Zmtp, GreetsAndTellsWhatItIs) {
  ZmtpDecoder decoder(ZmtpType::dealer, "me");
  EXPECT_EQ(decoder.take_answers(), kGreeting31);
  decoder.feed(kGreeting31.substr(0, 63));
  EXPECT_EQ(decoder.take_answers(), "");
  decoder.feed(kGreeting31.substr(63));
  EXPECT_EQ(decoder.take_answers(),
            "\x04\x2b\x05READY\x0bSocket-Type\0\0\0\x06"
            "DEALER\x08Identity\0\0\0\x02me"s);
  EXPECT_FALSE(decoder.ready());
  decoder.feed(kRouterReady);
  EXPECT_TRUE(decoder.ready());
  EXPECT_EQ(decoder.take_answers(), "");
}

TEST(Zmtp, SubscribesToEverythingInThePeersVersion) {
  ZmtpDecoder now(ZmtpType::sub, {}), older(ZmtpType::sub, {});
  now.feed(kGreeting31 + kXpubReady);
  EXPECT_THAT(now.take_answers(), ::testing::EndsWith("\x04\x0a\x09SUBSCRIBE"s));
  older.feed(kGreeting30 + kXpubReady);
  EXPECT_THAT(older.take_answers(), ::testing::EndsWith("\x00\x01\x01"s));
}

TEST(Zmtp, ReadsShortLongAndManyFrames) {
  ZmtpDecoder decoder = connected();
  std::string big(70'000, 'x');
  decoder.feed("\x01\x03one\x00\x00"s);
  decoder.feed("\x03\0\0\0\0\0\x01\x11\x70"s + big + "\x02\0\0\0\0\0\0\0\x01y"s);
  EXPECT_THAT(decoder.next()->frames, ElementsAre("one", ""));
  EXPECT_THAT(decoder.next()->frames, ElementsAre(big, "y"));
  EXPECT_FALSE(decoder.next());
}

TEST(Zmtp, WhatItWritesItCanRead) {
  ZmtpDecoder decoder = connected();
  std::vector<std::string> frames{"", "a", std::string(255, 'b'), std::string(256, 'c'), "\xff\x00"s};
  std::string bytes = encode_zmtp(frames);
  for (char byte : bytes) decoder.feed({&byte, 1});
  EXPECT_EQ(decoder.next()->frames, frames);
}

TEST(Zmtp, AnswersPings) {
  ZmtpDecoder decoder = connected();
  decoder.feed("\x01\x01"s + "a" + "\x04\x0a\x04PING\x00\x10"s + "abc" + "\x00\x01"s + "b");
  EXPECT_EQ(decoder.take_answers(), "\x04\x08\x04PONGabc"s);
  EXPECT_THAT(decoder.next()->frames, ElementsAre("a", "b"));
  decoder.feed("\x04\x05\x04PONG\x04\x06\x05OTHER"s);
  EXPECT_EQ(decoder.take_answers(), "");
}

TEST(Zmtp, AMessageBeyondTheLimitsIsSkipped) {
  ZmtpDecoder decoder = connected();
  decoder.feed("\x01\x01x\x02\0\0\0\0\x04\0\0\0"s);  // 64 MiB behind another byte
  std::string part(1024 * 1024, 'x');
  for (int i = 0; i < 64; ++i) decoder.feed(part);
  auto message = decoder.next();
  ASSERT_TRUE(message);
  EXPECT_TRUE(message->oversized);
  EXPECT_THAT(message->frames, IsEmpty());
  for (size_t i = 0; i < kMaxZmtpFrames; ++i) decoder.feed("\x01\x00"s);
  decoder.feed("\x00\x00"s);
  EXPECT_TRUE(decoder.next()->oversized);
  decoder.feed("\x00\x01z"s);
  EXPECT_THAT(decoder.next()->frames, ElementsAre("z"));
  EXPECT_THROW(encode_zmtp({std::string(kMaxZmtpMessage, 'x'), "y"}), Error);
}

TEST(Zmtp, RefusesWhatIsNoZmtp) {
  auto fails = [](std::string_view bytes) { return failure(ZmtpType::dealer, bytes); };
  EXPECT_THAT(fails("HTTP/1.1 400"), HasSubstr("invalid speaking ZMTP"));
  EXPECT_THAT(fails("\xff\0\0\0\0\0\0\0\x01\x02"s), HasSubstr("invalid"));
  EXPECT_THAT(fails(kSignature + "\x01"s), HasSubstr("unsupported speaking ZMTP: the peer has version 1"));
  EXPECT_THAT(fails(kSignature + "\x03\x01PLAIN"s + std::string(47, '\0')), HasSubstr("unsupported"));
  EXPECT_THAT(fails(kGreeting31 + "\x00\x01x"s), HasSubstr("before the handshake"));
  EXPECT_THAT(fails(kGreeting31 + "\x04\x06\x05HELLO"s), HasSubstr("another command"));
  EXPECT_THAT(fails(kGreeting31 + kXpubReady), HasSubstr("of another type"));
  EXPECT_THAT(failure(ZmtpType::sub, kGreeting31 + kRouterReady), HasSubstr("of another type"));
  EXPECT_THAT(fails(kGreeting31 + "\x04\x0a\x05READY\x0bSoc"s), HasSubstr("a cut property"));
  EXPECT_THAT(fails(kGreeting31 + "\x04\x0b\x05READY\x01s\0\0\xff"s), HasSubstr("a cut property"));
  EXPECT_THAT(fails(kGreeting31 + "\x04\x0a\x05"
                                  "ERROR\x03nay"s),
              HasSubstr("unavailable speaking ZMTP: the peer refuses: nay"));
  std::string on = kGreeting31 + kRouterReady;
  EXPECT_THAT(fails(on + "\x08\x00"s), HasSubstr("flags 8"));
  EXPECT_THAT(fails(on + "\x05\x00"s), HasSubstr("a command that goes on"));
  EXPECT_THAT(fails(on + "\x04\x00"s), HasSubstr("a command without a name"));
  EXPECT_THAT(fails(on + "\x04\x02\x02x"s), HasSubstr("a command without a name"));
  EXPECT_THAT(fails(on + "\x06\0\0\0\0\0\x01\0\0"s), HasSubstr("a command of 65536 bytes"));
  EXPECT_THAT(fails(on + "\x02\xff\0\0\0\0\0\0\0"s), HasSubstr("a frame without end"));
}

// A dealer that connects to a port where nobody listens may meet its own socket.
TEST(Zmtp, DoesNotTalkToItself) {
  ZmtpDecoder decoder(ZmtpType::dealer, "me");
  decoder.feed(decoder.take_answers());
  EXPECT_THROW(decoder.feed(decoder.take_answers()), Error);
}

}  // namespace
}  // namespace osb::execd
