// What is printed: tables, YAML, JSON, errors, durations.
#include "osb/output.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "osb/duration_words.h"
#include "osb/problem.h"
#include "osb/text_width.h"
#include "osb/yaml.h"

namespace osb::cli {
namespace {

using testing::HasSubstr;

json::Value sample() {
  return json::parse(
      R"({"id":"a","size":1,"f":2.5,"no":null,"yes":true,"list":["x","no: y"],"empty":{},"none":[],
    "deep":[{"a":1,"b":["c"]},[1,[2]]],"text":"two\nlines","word":"null","number":"12"})");
}

TEST(Yaml, IsYaml) {
  EXPECT_EQ(yaml(sample()), R"(id: a
size: 1
f: 2.5
"no": null
"yes": true
list:
  - x
  - "no: y"
empty: {}
none: []
deep:
  - a: 1
    b:
      - c
  - - 1
    - - 2
text: "two\nlines"
word: "null"
number: "12"
)");
}

TEST(PrettyJson, ReadsBackAsTheSame) {
  EXPECT_EQ(json::parse(pretty_json(sample())), sample());
  EXPECT_EQ(pretty_json(json::parse(R"({"a":[1,{"b":[]}]})")),
            "{\n  \"a\": [\n    1,\n    {\n      \"b\": []\n    }\n  ]\n}\n");
}

TEST(Table, AlignsWideCharacters) {
  EXPECT_EQ(render_table({"ID", "NAME"}, {{"a", "沙箱"}, {"沙", "x"}}, {}), "ID  NAME\na   沙箱\n沙  x\n");
}

TEST(Table, ShortensTheWidestButNeverTheFirstColumn) {
  std::string id(36, 'i'), image(60, 'm');
  std::string table = render_table({"ID", "IMAGE", "STATE"}, {{id, image, "Running"}}, {.width = 80});
  EXPECT_THAT(table, HasSubstr(id + "  " + std::string(32, 'm') + "…  Running\n"));
  std::string whole = render_table({"ID", "IMAGE"}, {{id, image}}, {});
  EXPECT_THAT(whole, HasSubstr(image));
}

TEST(Text, NobodysDataMovesTheCursor) {
  EXPECT_EQ(visible("a\x1b[2J\r\nb\x7f"), "a\\x1b[2J\\x0d\\nb\\x7f");
  EXPECT_EQ(visible("caf\xc3\xa9 \xc2\x9b"), "caf\xc3\xa9 \\x9b");
  EXPECT_EQ(visible("\xff"), "\\xff");
  EXPECT_EQ(shorten("沙箱沙箱", 5), "沙箱…");
}

TEST(Cell, ShowsListsAndMaps) {
  json::Value value = json::parse(R"({"a":["x","y"],"b":{"k":"v","n":1}})");
  EXPECT_EQ(cell(&value.at("a")), "x y");
  EXPECT_EQ(cell(&value.at("b")), "k=v, n=1");
  EXPECT_EQ(cell(nullptr), "-");
}

TEST(Problems, SayWhatToDo) {
  Problem problem("SANDBOX_NOT_FOUND", "getting sandbox x\x1b: there is none", "osb sandbox list");
  problem.status = 404;
  problem.request_id = "r1";
  EXPECT_EQ(render(problem, false),
            "error: getting sandbox x\\x1b: there is none\n"
            "  code: SANDBOX_NOT_FOUND (HTTP 404, request r1)\n"
            "  try:  osb sandbox list\n");
}

TEST(Durations, AreReadAsPeopleWriteThem) {
  using std::chrono::milliseconds;
  EXPECT_EQ(read_duration("", "90"), milliseconds(90'000));
  EXPECT_EQ(read_duration("", "90s"), milliseconds(90'000));
  EXPECT_EQ(read_duration("", "1h30m"), milliseconds(5'400'000));
  EXPECT_EQ(read_duration("", "250ms"), milliseconds(250));
  EXPECT_EQ(read_duration_or_none("", "none"), std::nullopt);
  for (const char* bad :
       {"", "0", "-1", "1w", "m", "1h30x", "none", "99999999999999999999", "9999999999d", "1.5h"})
    EXPECT_THROW(read_duration("--timeout", bad), UsageProblem) << bad;
}

TEST(Durations, AreShownInTwoUnits) {
  using std::chrono::seconds;
  EXPECT_EQ(short_duration(seconds(0)), "0s");
  EXPECT_EQ(short_duration(seconds(59)), "59s");
  EXPECT_EQ(short_duration(seconds(90)), "1m 30s");
  EXPECT_EQ(short_duration(seconds(3600)), "1h");
  EXPECT_EQ(short_duration(seconds(3605)), "1h");
  EXPECT_EQ(short_duration(seconds(90061)), "1d 1h");
}

}  // namespace
}  // namespace osb::cli
