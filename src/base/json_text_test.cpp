#include "base/json_text.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "base/json.h"

namespace osb {
namespace {

// One character at a time, straight from the definition.
std::string json_string_by_definition(std::string_view text) {
  auto escape = [](unsigned point) { return fmt::format("\\u{:04x}", point); };
  std::string out = "\"";
  while (!text.empty()) {
    size_t length = 1;
    auto byte = static_cast<unsigned char>(text[0]);
    if (byte >= 0x80) {  // the JSON library knows what is UTF-8
      length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
      std::string quoted = "\"" + std::string(text.substr(0, length)) + "\"";
      json::Value ignored;
      if (length > text.size() || json::try_parse(quoted, ignored)) length = 1;
    }
    std::string_view character = text.substr(0, length);
    if (byte >= 0x80 && length == 1)
      out += escape(0xfffd);
    else if (length == 2 && byte == 0xc2 && static_cast<unsigned char>(text[1]) < 0xa0)
      out += escape(static_cast<unsigned char>(text[1]));
    else if (character == "\u2028" || character == "\u2029")
      out += escape(character == "\u2028" ? 0x2028 : 0x2029);
    else if (character == "\n" || character == "\r" || character == "\t")
      out += character == "\n" ? "\\n" : character == "\r" ? "\\r" : "\\t";
    else if (character == "\"" || character == "\\")
      out.append("\\").append(character);
    else if (length == 1 && (byte < 0x20 || byte == 0x7f || character.find_first_of("<>&") == 0))
      out += escape(byte);
    else
      out += character;
    text.remove_prefix(length);
  }
  return out + "\"";
}

TEST(JsonText, EscapesWhatClientsSplitOn) {
  EXPECT_EQ(json_string("a\n\x0b\x1c"), R"("a\n\u000b\u001c")");
  EXPECT_EQ(json_string("\u0085\u2028\u2029"), R"("\u0085\u2028\u2029")");
  EXPECT_EQ(json_string("héé 😀"), "\"héé 😀\"");
}

TEST(JsonText, ReplacesBadUtf8ByteByByte) {
  EXPECT_EQ(json_string("\xff\xfe"), R"("\ufffd\ufffd")");
  EXPECT_EQ(json_string("\xc3"), R"("\ufffd")");
  EXPECT_EQ(json_string("\xed\xa0\x80"), R"("\ufffd\ufffd\ufffd")");  // a surrogate
}

// Texts of plain and other pieces in all mixtures and at all places of a block.
TEST(JsonText, WritesEveryMixtureAsDefinedAndKeepsToItsRoom) {
  const std::vector<std::string> pieces = {"plain",
                                           std::string(40, 'x'),
                                           "\"",
                                           "\\",
                                           "<>&",
                                           "\n",
                                           "\r\t",
                                           std::string(1, '\0'),
                                           "\x7f",
                                           "\u0080",
                                           "\u009f",
                                           "\u00a0",
                                           "é",
                                           "\u2028",
                                           "\u2029",
                                           "日本",
                                           "😀",
                                           "\U0010ffff",
                                           "\ud7ff",
                                           "\ue000",
                                           "\xc1\xbf",
                                           "\xe0\x9f\xbf",
                                           "\xe2\x80",
                                           "\xed\xa0\x80",
                                           "\xf0\x8f\xbf\xbf",
                                           "\xf4\x90\x80\x80",
                                           "\xf5",
                                           "\xff",
                                           "\x80"};
  std::mt19937 random(5);
  for (int round = 0; round < 3000; ++round) {
    std::string text;
    size_t count = random() % (round % 100 == 0 ? 1500 : 12);
    while (count-- > 0)
      text += round % 3 == 0 ? std::string(1, static_cast<char>(random())) : pieces[random() % pieces.size()];
    std::string expected = json_string_by_definition(text);
    EXPECT_EQ(json_string(text), expected);
    size_t room = json_string_room(text);
    auto memory = std::make_unique_for_overwrite<char[]>(room);  // a sanitizer build sees what is beyond
    std::string_view written(memory.get(), write_json_string(memory.get(), text));
    EXPECT_EQ(written, expected);
  }
}

TEST(JsonText, RoomForALongPlainTextIsItsLength) {
  std::string text(100'000, 'x');
  EXPECT_LE(json_string_room(text + "\n"), text.size() + 200);
}

}  // namespace
}  // namespace osb
