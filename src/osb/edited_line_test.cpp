#include "osb/edited_line.h"

#include <gtest/gtest.h>

namespace osb::cli {
namespace {

using Event = EditedLine::Event;

Event type(EditedLine& line, std::string_view keys) {
  Event event = Event::none;
  for (size_t before = keys.size() + 1; !keys.empty() && keys.size() < before && event == Event::none;) {
    before = keys.size();
    event = line.take(keys);
  }
  EXPECT_TRUE(keys.empty());
  return event;
}

TEST(EditedLine, InsertsAndErasesWholeCharacters) {
  EditedLine line;
  EXPECT_EQ(type(line, "aé沙\x1b[D\x7f"), Event::none);
  EXPECT_EQ(line.text(), "a沙");
  EXPECT_EQ(line.cursor(), 1u);
  type(line, "\x1b[3~\x1b[3~b");
  EXPECT_EQ(line.text(), "ab");
}

TEST(EditedLine, MovesByWordsAndEnds) {
  EditedLine line;
  type(line, "one two\x17three\x01x\x05y\x0b");
  EXPECT_EQ(line.text(), "xone threey");
  type(line, "\x15");
  EXPECT_EQ(line.text(), "");
}

TEST(EditedLine, WalksThroughHistoryAndBackToWhatWasTyped) {
  EditedLine line({"first", "second"});
  type(line, "new\x1b[A");
  EXPECT_EQ(line.text(), "second");
  type(line, "\x1b[A\x1b[A");
  EXPECT_EQ(line.text(), "first");
  type(line, "\x1bOB\x1b[B");
  EXPECT_EQ(line.text(), "new");
  type(line, "\x1b[B");
  EXPECT_EQ(line.text(), "new");
}

TEST(EditedLine, RemembersNothingTwiceInARow) {
  EditedLine line;
  line.next("a");
  line.next("a");
  line.next("");
  line.next("b");
  EXPECT_EQ(line.history().size(), 2u);
}

TEST(EditedLine, TellsEndsFromInterruptions) {
  EditedLine line;
  EXPECT_EQ(type(line, "a\r"), Event::accepted);
  EXPECT_EQ(type(line, "\x03"), Event::interrupted);
  line.next("");
  EXPECT_EQ(type(line, "\x04"), Event::ended);
}

TEST(EditedLine, WaitsForTheRestOfAKey) {
  EditedLine line;
  for (std::string_view part : {"\x1b", "\x1b[", "\x1b[3", "\xe6\xb2"}) {
    std::string_view input = part;
    EXPECT_EQ(line.take(input), Event::none);
    EXPECT_EQ(input, part);
  }
}

}  // namespace
}  // namespace osb::cli
