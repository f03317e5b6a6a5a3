// Quantities, labels, and values out of text.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/coercion.h"
#include "api/labels.h"
#include "api/resources.h"
#include "api/shell_words.h"

namespace osb::api {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(Cpu, Quantities) {
  struct Case {
    std::string_view text;
    std::optional<int64_t> millis;
  };
  for (auto [text, millis] : std::initializer_list<Case>{
           {"500m", 500}, {"1", 1000}, {"0.5", 500}, {" 2 ", 2000}, {"1.5", 1500},
           {"0.0001", 1}, {".5", 500}, {"", {}},     {"abc", {}},   {"0", {}},
           {"0m", {}},    {"-1", {}},  {"nan", {}},  {"inf", {}},   {"1e3", {}},
           {"1.2.3", {}}, {"1M", {}},  {"m", {}},    {".", {}},     {"99999999999999999999999999", {}}})
    EXPECT_EQ(parse_cpu(text), millis) << text;
}

TEST(Memory, Quantities) {
  struct Case {
    std::string_view text;
    std::optional<int64_t> bytes;
  };
  for (auto [text, bytes] : std::initializer_list<Case>{{"1024", 1024},
                                                        {"1b", 1},
                                                        {"1k", 1000},
                                                        {"1K", 1000},
                                                        {"1kb", 1000},
                                                        {"1Ki", 1024},
                                                        {"512Mi", 512 << 20},
                                                        {"512M", 512'000'000},
                                                        {"512m", 512'000'000},
                                                        {"2Gi", 2147483648},
                                                        {"2GB", 2'000'000'000},
                                                        {"1Ti", 1LL << 40},
                                                        {"1Pi", 1LL << 50},
                                                        {"1.5Gi", 3LL << 29},
                                                        {" 64Mi ", 64 << 20},
                                                        {"0.5", 1},
                                                        {"", {}},
                                                        {"0", {}},
                                                        {"-1", {}},
                                                        {"Mi", {}},
                                                        {"5Xi", {}},
                                                        {"5Mii", {}},
                                                        {"5 Mi", {}},
                                                        {"8Ei", {}},
                                                        {"1e9", {}},
                                                        {"64Mi64", {}}})
    EXPECT_EQ(parse_memory(text), bytes) << text;
}

TEST(Resources, NamesTheBadKey) {
  auto message = [](std::map<std::string, std::string> limits) {
    try {
      parse_resources(limits);
    } catch (const Error& e) {
      EXPECT_EQ(e.wire(), "SANDBOX::INVALID_PARAMETER");
      return e.message();
    }
    return std::string("none");
  };
  EXPECT_THAT(message({{"cpu", "abc"}}), HasSubstr("resourceLimits.cpu"));
  EXPECT_THAT(message({{"memory", "-1"}}), HasSubstr("resourceLimits.memory"));
  EXPECT_THAT(message({{"gpu", "1"}}), HasSubstr("resourceLimits.gpu"));
  EXPECT_THAT(message({{"pids", "0"}}), HasSubstr("resourceLimits.pids"));
  EXPECT_EQ(message({{"cpu", "1"}, {"memory", "1Gi"}, {"pids", "64"}, {"ephemeral-storage", "?"}}), "none");
  EXPECT_EQ(parse_resources({{"pids", "64"}}).pids, 64);
  EXPECT_FALSE(parse_resources({}).memory_bytes);
}

TEST(Labels, Grammar) {
  for (std::string_view good : {"a", "A", "9", "a-b_c.d", "example.com/name", "a/b", "a.b-c.d/X"})
    EXPECT_TRUE(is_label_key(good)) << good;
  for (std::string_view bad :
       {"", "-a", "a-", "bad key!", "/a", "a/", "A.com/x", "a/b/c", "a..b/x", "a_b/x", "ä"})
    EXPECT_FALSE(is_label_key(bad)) << bad;
  EXPECT_TRUE(is_label_key(std::string(63, 'a')));
  EXPECT_FALSE(is_label_key(std::string(64, 'a')));
  EXPECT_TRUE(is_label_key(std::string(253, 'a') + "/" + std::string(63, 'b')));
  EXPECT_FALSE(is_label_key(std::string(254, 'a') + "/b"));
  EXPECT_TRUE(is_label_value(""));
  EXPECT_TRUE(is_label_value("v1.2_3-4"));
  EXPECT_FALSE(is_label_value("a b"));
  EXPECT_FALSE(is_label_value("a/b"));
  EXPECT_FALSE(is_label_value(std::string(64, 'a')));
}

std::string label_code(auto&& run) {
  try {
    run();
  } catch (const Error& e) {
    return e.wire();
  }
  return "none";
}

TEST(Labels, RefusesReservedAndBad) {
  EXPECT_EQ(label_code([] { check_labels({{"opensandbox.io/a", "v"}}); }), "SANDBOX::INVALID_METADATA_LABEL");
  EXPECT_EQ(label_code([] { check_labels({{"a", "b c"}}); }), "SANDBOX::INVALID_METADATA_LABEL");
  EXPECT_EQ(label_code([] { check_labels({{"a", "b"}}); }), "none");
  Labels many;
  for (size_t i = 0; i <= kMostLabels; i++) many[std::to_string(i)] = "";
  EXPECT_EQ(label_code([&] { check_labels(many); }), "SANDBOX::INVALID_METADATA_LABEL");
}

TEST(Labels, PatchAddsReplacesRemoves) {
  Labels labels = {{"team", "a"}, {"n", "1"}};
  apply_label_patch(labels, parse_label_patch(R"({"n":null,"x":"y","team":"b","gone":null})"));
  EXPECT_EQ(labels, (Labels{{"team", "b"}, {"x", "y"}}));
  apply_label_patch(labels, parse_label_patch("{}"));
  EXPECT_EQ(labels, (Labels{{"team", "b"}, {"x", "y"}}));
}

TEST(Labels, BadPatchChangesNothing) {
  Labels labels = {{"a", "1"}};
  auto code = [&](std::string_view body) {
    return label_code([&] { apply_label_patch(labels, parse_label_patch(body)); });
  };
  EXPECT_EQ(code(R"({"a":"2","opensandbox.io/x":"y"})"), "INVALID_METADATA_LABEL");
  EXPECT_EQ(code(R"({"opensandbox.io/x":null})"), "INVALID_METADATA_LABEL");
  EXPECT_EQ(code(R"({"a":"2","bad key!":"y"})"), "SANDBOX::INVALID_METADATA_LABEL");
  EXPECT_EQ(code(R"({"bad key!":null})"), "none");  // a removed key is not looked at
  EXPECT_EQ(labels, (Labels{{"a", "1"}}));
}

TEST(ShellWords, QuotesLikeAShell) {
  EXPECT_THAT(*split_shell_words("python  app.py --x='a b' \"c d\"e f\\ g"),
              ElementsAre("python", "app.py", "--x=a b", "c de", "f g"));
  EXPECT_THAT(*split_shell_words(R"(a "\"\\\n" '' '\')"), ElementsAre("a", R"("\\n)", "", "\\"));
  EXPECT_THAT(*split_shell_words("   "), ElementsAre());
  EXPECT_FALSE(split_shell_words("a 'b"));
  EXPECT_FALSE(split_shell_words("a \"b"));
  EXPECT_FALSE(split_shell_words("a \\"));
}

TEST(Coercion, Integers) {
  EXPECT_EQ(integer_of("3600"), 3600);
  EXPECT_EQ(integer_of(" -60.00 "), -60);
  EXPECT_EQ(integer_of("+7"), 7);
  EXPECT_EQ(integer_of("99999999999999999999"), INT64_MAX);
  for (std::string_view bad : {"", "x", "60.5", "1 2", "0x10", "--1", "."})
    EXPECT_FALSE(integer_of(bad)) << bad;
}

TEST(Coercion, Flags) {
  for (std::string_view yes : {"true", "1", "YES", "y", "On", "t"}) EXPECT_EQ(flag_of(yes), true) << yes;
  for (std::string_view no : {"False", "0", "no", "N", "off", "f"}) EXPECT_EQ(flag_of(no), false) << no;
  for (std::string_view bad : {"", "2", "maybe"}) EXPECT_FALSE(flag_of(bad)) << bad;
}

}  // namespace
}  // namespace osb::api
