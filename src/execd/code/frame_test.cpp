#include "execd/code/frame.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace osb::execd {
namespace {

std::string joined(std::string_view message) {
  std::string all;
  for (const std::string& frame : encode_frames(message)) all += frame;
  return all;
}

std::vector<std::string> decoded(FrameDecoder& decoder) {
  std::vector<std::string> messages;
  while (auto message = decoder.next()) messages.push_back(*message);
  return messages;
}

std::string frame(unsigned char flags, std::string_view part) {
  size_t length = part.size() + 1;
  std::string out;
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<char>(length >> shift & 0xff));
  out.push_back(static_cast<char>(flags));
  return out.append(part);
}

TEST(Frame, IsLengthFlagsAndPart) {
  EXPECT_EQ(joined("{}"), std::string("\0\0\0\x03\x03{}", 7));
  EXPECT_EQ(joined(""), std::string("\0\0\0\x01\x03", 5));
  auto frames = encode_frames(std::string(2 * kFramePart + 1, 'x'));
  ASSERT_EQ(frames.size(), 3u);
  EXPECT_EQ(frames[0][4], 1);
  EXPECT_EQ(frames[1][4], 0);
  EXPECT_EQ(frames[2], frame(2, "x"));
  EXPECT_EQ(encode_frames(std::string(kFramePart, 'x')).size(), 1u);
}

TEST(Frame, RefusesHugeMessages) { EXPECT_THROW(encode_frames(std::string(kMaxMessage + 1, 'x')), Error); }

TEST(FrameDecoder, TakesPiecesOfAnySize) {
  std::string long_message(200'000, 'y');
  std::string bytes = joined("one") + joined(long_message) + joined("") + joined("two");
  for (size_t piece : {size_t{1}, size_t{3}, size_t{7}, size_t{65'541}, bytes.size()}) {
    FrameDecoder decoder;
    for (size_t at = 0; at < bytes.size(); at += piece)
      decoder.feed(std::string_view(bytes).substr(at, piece));
    EXPECT_EQ(decoded(decoder), (std::vector<std::string>{"one", long_message, "", "two"})) << piece;
  }
}

TEST(FrameDecoder, DropsAMessageThatWasCutShort) {
  FrameDecoder decoder;
  decoder.feed(frame(1, "lost") + frame(0, "too") + frame(1, "ke") + frame(2, "pt"));
  EXPECT_EQ(decoded(decoder), std::vector<std::string>{"kept"});
}

TEST(FrameDecoder, RefusesWhatNoWorkerSends) {
  for (const std::string& bad :
       {frame(4, "x"), frame(0, "x"), frame(2, "x"), std::string(5, '\0'),
        std::string("\xff\xff\xff\xff\x03", 5), frame(3, std::string(kFramePart + 1, 'x'))}) {
    FrameDecoder whole;
    EXPECT_THROW(whole.feed(bad), Error);
    FrameDecoder bytewise;
    EXPECT_THROW(for (char c : bad) bytewise.feed(std::string_view(&c, 1)), Error);
  }
}

TEST(FrameDecoder, BoundsAMessage) {
  FrameDecoder decoder;
  decoder.feed(frame(1, ""));
  std::string part = frame(0, std::string(kFramePart, 'x'));
  for (size_t sent = 0; sent < kMaxMessage; sent += kFramePart) decoder.feed(part);
  EXPECT_THROW(decoder.feed(frame(0, "x")), Error);
}

}  // namespace
}  // namespace osb::execd
