#include "execd/event.h"

#include <gtest/gtest.h>

#include <regex>

#include "base/json.h"

namespace osb::execd {
namespace {

// The timestamp replaced by T, so that whole events can be compared byte for byte.
std::string fixed(const std::string& event) {
  return std::regex_replace(event, std::regex(R"("timestamp":\d{13})"), R"("timestamp":T)");
}

TEST(Event, HasTheKeyOrderClientsSee) {
  EXPECT_EQ(fixed(init_event("ab12", "cd")),
            R"({"type":"init","text":"ab12","timestamp":T,"execution_id":"cd"})");
  EXPECT_EQ(fixed(ping_event()), R"({"type":"ping","text":"pong","timestamp":T})");
  EXPECT_EQ(fixed(stdout_event("hi\n")), R"({"type":"stdout","text":"hi\n","timestamp":T})");
  EXPECT_EQ(fixed(stderr_event("e")), R"({"type":"stderr","text":"e","timestamp":T})");
  EXPECT_EQ(fixed(status_event("error")), R"({"type":"status","text":"error","timestamp":T})");
  EXPECT_EQ(fixed(execution_count_event(3)),
            R"({"type":"execution_count","execution_count":3,"timestamp":T})");
}

TEST(Event, LeavesEmptyFieldsOut) {
  EXPECT_EQ(fixed(execution_complete_event(7)),
            R"({"type":"execution_complete","execution_time":7,"timestamp":T})");
  EXPECT_EQ(fixed(execution_complete_event(0)), R"({"type":"execution_complete","timestamp":T})");
  EXPECT_EQ(fixed(stdout_event("")), R"({"type":"stdout","timestamp":T})");
}

TEST(Event, ErrorAlwaysHasAListOfTraceback) {
  EXPECT_EQ(
      fixed(error_event("CommandExecError", "3", {"exit status 3"})),
      R"({"type":"error","timestamp":T,"error":{"ename":"CommandExecError","evalue":"3","traceback":["exit status 3"]}})");
  EXPECT_EQ(fixed(error_event("E", "", {})),
            R"({"type":"error","timestamp":T,"error":{"ename":"E","evalue":"","traceback":[]}})");
}

TEST(Event, PlainTextResultHasBothKeys) {
  EXPECT_EQ(
      fixed(result_event({{"text/plain", "4"}, {"text/html", "<b>"}})),
      R"({"type":"result","timestamp":T,"results":{"text":"4","text/plain":"4","text/html":"\u003cb\u003e"}})");
}

TEST(Event, IsOneLineOfJsonWhateverTheTextHolds) {
  std::string nasty = std::string("a\n\r\v\f\x1c\0b", 8) + "\xc2\x85\xe2\x80\xa8\xff\xfe";
  std::string event = stdout_event(nasty);
  for (char c : event)
    EXPECT_TRUE(static_cast<unsigned char>(c) >= 0x20 && static_cast<unsigned char>(c) < 0x7f);
  json::Value parsed = json::parse(event);
  EXPECT_EQ(parsed.at("text").as_string(),
            std::string("a\n\r\v\f\x1c\0b", 8) + "\xc2\x85\xe2\x80\xa8\xef\xbf\xbd\xef\xbf\xbd");
}

}  // namespace
}  // namespace osb::execd
