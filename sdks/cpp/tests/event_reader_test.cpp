// Hostile streams: every way to cut them gives the same events.
#include "wire/event_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <opensandbox/error.h>

#include "wire/json.h"
#include "wire/utf8_text.h"

namespace opensandbox::detail {
namespace {

using testing::ElementsAre;

std::vector<std::string> texts(std::string_view stream, size_t step) {
  std::vector<std::string> found;
  EventReader reader;
  auto sink = [&](const Object& event) {
    found.push_back(text_of(event, "type") + ":" + text_of(event, "text"));
  };
  for (size_t at = 0; at < stream.size(); at += step) reader.feed(stream.substr(at, step), sink);
  reader.end(sink);
  return found;
}

void expect_everywhere(std::string_view stream, const std::vector<std::string>& wanted) {
  for (size_t step : {1u, 2u, 3u, 7u, 1000u})
    EXPECT_EQ(texts(stream, step), wanted) << "in pieces of " << step;
}

TEST(EventReader, reads_objects_with_blank_lines) {
  expect_everywhere("{\"type\":\"a\",\"text\":\"1\"}\n\n{\"type\":\"b\",\"text\":\"2\"}\n\n", {"a:1", "b:2"});
}

TEST(EventReader, reads_objects_without_blank_lines_and_without_a_last_end) {
  expect_everywhere("{\"type\":\"a\"}\n{\"type\":\"b\"}", {"a:", "b:"});
}

TEST(EventReader, reads_server_sent_events_with_any_line_end) {
  expect_everywhere("id: 1\r\ndata: {\"type\":\"a\"}\r\n\r\n: note\r\nevent: x\r\ndata:{\"type\":\"b\"}\r\r",
                    {"a:", "b:"});
}

TEST(EventReader, joins_the_data_lines_of_one_event) {
  expect_everywhere("data: {\"type\":\ndata: \"a\"}\n\n", {"a:"});
}

TEST(EventReader, joins_an_object_that_was_printed_over_lines) {
  expect_everywhere("{\n \"type\": \"a\",\n \"text\": \"1\"\n}\n\n", {"a:1"});
}

TEST(EventReader, takes_other_separators_for_text) {
  expect_everywhere("{\"type\":\"a\",\"text\":\"x\xc2\x85y\xe2\x80\xa8z\xe2\x80\xa9\"}\n\n",
                    {"a:x\xc2\x85y\xe2\x80\xa8z\xe2\x80\xa9"});
}

TEST(EventReader, keeps_characters_whole_that_come_in_pieces) {
  expect_everywhere("{\"type\":\"a\",\"text\":\"\xf0\x9f\x98\x80\xc3\xa4\"}\n\n",
                    {"a:\xf0\x9f\x98\x80\xc3\xa4"});
}

TEST(EventReader, replaces_bytes_that_are_no_characters) {
  expect_everywhere("{\"type\":\"a\",\"text\":\"x\xffy\"}\n\n", {"a:x\xef\xbf\xbdy"});
}

TEST(EventReader, passes_over_what_is_no_object) {
  expect_everywhere("{broken\n\nnonsense\n\n[1]\n\n{\"type\":\"a\"}\n\n", {"a:"});
  EventReader reader;
  reader.feed("{broken\n\n", [](const Object&) {});
  EXPECT_EQ(reader.broken(), 1u);
}

TEST(EventReader, drops_an_object_that_was_cut_off) {
  expect_everywhere("{\"type\":\"a\"}\n\n{\"type\":\"b\",\"te", {"a:"});
}

TEST(EventReader, reads_lines_of_ten_megabytes) {
  std::string large(10 * 1024 * 1024, 'x');
  std::string stream = "{\"type\":\"a\",\"text\":\"" + large + "\"}\n\n";
  EventReader reader;
  size_t size = 0;
  for (size_t at = 0; at < stream.size(); at += 4096)
    reader.feed(std::string_view(stream).substr(at, 4096),
                [&](const Object& event) { size = text_of(event, "text").size(); });
  EXPECT_EQ(size, large.size());
}

TEST(EventReader, refuses_what_is_larger_than_the_limit) {
  auto nothing = [](const Object&) {};
  EventReader line(100);
  EXPECT_THROW(line.feed(std::string(101, 'x'), nothing), Error);
  EventReader event(100);
  EXPECT_THROW(for (int i = 0; i < 100; i++) event.feed("data: x\n", nothing), Error);
}

TEST(Utf8Text, has_one_mark_for_each_beginning_that_is_not_gone_on_with) {
  EXPECT_EQ(valid_utf8("\xc3\xbc\xe2\x82z\xf0\x9f\x98"), "\xc3\xbc\xef\xbf\xbdz\xef\xbf\xbd");
  EXPECT_EQ(valid_utf8("\xc0\xaf\xff"), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
}

TEST(Utf8Text, keeps_pairs_of_surrogates_and_escaped_backslashes) {
  EXPECT_EQ(without_lone_surrogates(R"("\ud83d\ude00 \\ud800 \n \u00e9")"),
            R"("\ud83d\ude00 \\ud800 \n \u00e9")");
  EXPECT_EQ(without_lone_surrogates(R"(\ud83d\ud83d\ude00\uDE00)"), R"(\ufffd\ud83d\ude00\ufffd)");
  for (const char* cut : {"\\", "\\u", "\\ud83", "\\ud83d\\"}) {
    std::string out = without_lone_surrogates(cut);
    EXPECT_TRUE(out == cut || out == "\\ufffd\\") << cut;
  }
}

}  // namespace
}  // namespace opensandbox::detail
