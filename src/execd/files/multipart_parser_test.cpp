#include "execd/files/multipart_parser.h"

#include <gtest/gtest.h>

#include <vector>

#include "base/error.h"

namespace osb::execd {
namespace {

struct Seen {
  std::string name;
  std::optional<std::string> filename;
  std::string data;
  bool ended = false;
  bool operator==(const Seen&) const = default;
};

struct Recorder : MultipartParser::Events {
  std::vector<Seen> parts;
  void on_part(MultipartParser::Part part) override {
    parts.push_back({part.name, part.filename, "", false});
  }
  void on_data(std::string_view bytes) override {
    EXPECT_FALSE(bytes.empty());
    parts.back().data += bytes;
  }
  void on_part_end() override { parts.back().ended = true; }
};

struct Outcome {
  std::vector<Seen> parts;
  bool complete = false;
  std::string error;
  bool operator==(const Outcome&) const = default;
};

// Feeds `text` in pieces of `step` bytes.
Outcome parse(std::string_view text, size_t step, std::string_view boundary = "XX") {
  Recorder recorder;
  MultipartParser parser(boundary, recorder);
  Outcome outcome;
  try {
    for (; !text.empty(); text.remove_prefix(std::min(step, text.size()))) parser.feed(text.substr(0, step));
  } catch (const Error& e) {
    EXPECT_EQ(e.wire(), "INVALID_FILE");
    outcome.error = e.message();
  }
  outcome.parts = recorder.parts;
  outcome.complete = parser.complete();
  return outcome;
}

// The same for every cut of the input: whole, by 1…40 bytes, and in two at each place.
Outcome parse_every_way(std::string_view text) {
  Outcome whole = parse(text, std::max<size_t>(text.size(), 1));
  for (size_t step = 1; step <= 40; ++step) EXPECT_EQ(parse(text, step), whole) << "step " << step;
  for (size_t cut = 1; cut < text.size(); ++cut) {
    Recorder recorder;
    MultipartParser parser("XX", recorder);
    try {
      parser.feed(text.substr(0, cut));
      parser.feed(text.substr(cut));
    } catch (const Error&) {
      EXPECT_FALSE(whole.error.empty());
    }
    EXPECT_EQ(recorder.parts, whole.parts) << "cut " << cut;
    EXPECT_EQ(parser.complete(), whole.complete);
  }
  return whole;
}

std::string part(std::string_view name, std::string_view body) {
  return "--XX\r\nContent-Disposition: form-data; name=\"" + std::string(name) +
         "\"; filename=\"f\"\r\n\r\n" + std::string(body) + "\r\n";
}

TEST(MultipartParser, TwoParts) {
  Outcome seen = parse_every_way(
      "--XX\r\n"
      "Content-Disposition: form-data; name=\"metadata\"; filename=\"metadata\"\r\n"
      "Content-Type: application/json\r\n"
      "\r\n"
      "{\"path\": \"/a\"}\r\n"
      "--XX\r\n"
      "content-type: application/octet-stream\r\n"
      "CONTENT-DISPOSITION:form-data;NAME=file;filename = b.txt \r\n"
      "\r\n"
      "hello\r\n"
      "--XX--\r\n");
  EXPECT_TRUE(seen.complete);
  ASSERT_EQ(seen.parts.size(), 2u);
  EXPECT_EQ(seen.parts[0], (Seen{"metadata", "metadata", "{\"path\": \"/a\"}", true}));
  EXPECT_EQ(seen.parts[1], (Seen{"file", "b.txt", "hello", true}));
}

TEST(MultipartParser, DataMayLookLikeBoundaries) {
  for (std::string_view body : {"",
                                "\r",
                                "\n",
                                "\r\n",
                                "\r\n\r\n",
                                "\r\r\n",
                                "-",
                                "--",
                                "--X",
                                "\r\n-",
                                "\r\n--",
                                "\r\n--X",
                                "\r\n--Xy",
                                "\r\n--XXy",
                                "\r\n--XX-y",
                                "\r\n--XX y\r\n",
                                "\r\n--XX \ty",
                                "\r\n--XX\r",
                                "\r\n--XX\ry",
                                "\r\n--XX\n",
                                "\r\n--\r\n--X\r\n--Xa",
                                "--XXa",
                                "\r\r\r\r",
                                "a\r\n\r\n--x",
                                "\r\n--XX\r\r\n--X"}) {
    Outcome seen = parse_every_way(part("file", body) + "--XX--");
    EXPECT_TRUE(seen.complete) << body;
    ASSERT_EQ(seen.parts.size(), 1u) << body;
    EXPECT_EQ(seen.parts[0].data, body);
    EXPECT_TRUE(seen.parts[0].ended);
  }
}

TEST(MultipartParser, Tolerances) {
  // text before the first and after the last boundary, blanks behind a boundary, no line end after the last
  // one
  Outcome seen = parse_every_way("preamble\r\n--XXnot\r\n" + part("a", "1") + "--XX \t\r\n" +
                                 part("b", "2").substr(6) + "--XX--trailing\r\n--XX\r\n");
  EXPECT_TRUE(seen.complete);
  ASSERT_EQ(seen.parts.size(), 2u);
  EXPECT_EQ(seen.parts[1].data, "2");
  // an empty part whose boundary follows the headers at once
  seen = parse_every_way("--XX\r\nContent-Disposition: form-data; name=a\r\n\r\n--XX--\r\n");
  EXPECT_TRUE(seen.complete);
  ASSERT_EQ(seen.parts.size(), 1u);
  EXPECT_EQ(seen.parts[0], (Seen{"a", std::nullopt, "", true}));
  // no parts at all
  seen = parse_every_way("--XX--\r\n");
  EXPECT_TRUE(seen.complete);
  EXPECT_TRUE(seen.parts.empty());
}

TEST(MultipartParser, QuotedNames) {
  auto name_of = [](std::string_view disposition) {
    Outcome seen =
        parse("--XX\r\nContent-Disposition: " + std::string(disposition) + "\r\n\r\n\r\n--XX--", 7);
    return seen.parts.empty() ? Seen{"none", {}, seen.error} : seen.parts[0];
  };
  EXPECT_EQ(name_of(R"(form-data; name="a\"b\\c;d"; filename="x;name=y")").name, R"(a"b\c;d)");
  EXPECT_EQ(name_of(R"(form-data; filename="C:\dir\f"; name=q)").filename, R"(C:\dir\f)");
  EXPECT_EQ(name_of(R"(form-data; filename="C:\dir\f"; name=q)").name, "q");
  EXPECT_EQ(name_of(R"(form-data; flag; name="")").name, "");
  EXPECT_EQ(name_of("attachment; name=a").name, "none");
  EXPECT_EQ(name_of("form-data").name, "none");
}

TEST(MultipartParser, TruncatedInputIsNotComplete) {
  std::string text = part("a", "hello") + "--XX--";
  for (size_t n = 0; n < text.size(); ++n) EXPECT_FALSE(parse(text.substr(0, n), 3).complete) << n;
  EXPECT_TRUE(parse(text, 3).complete);
}

TEST(MultipartParser, BrokenHeaders) {
  EXPECT_NE(parse_every_way("--XX\r\n\r\nbody\r\n--XX--").error, "");
  EXPECT_NE(parse_every_way("--XX\r\nno colon here\r\n\r\nbody\r\n--XX--").error, "");
  EXPECT_NE(parse_every_way("--XX\r\nContent-Type: text/plain\r\n\r\nbody\r\n--XX--").error, "");
}

TEST(MultipartParser, IsBounded) {
  std::string huge = "--XX\r\nX: " + std::string(MultipartParser::kMaxHeaders, 'a') + "\r\n\r\n";
  for (size_t step : {size_t{1}, size_t{1000}, huge.size()}) EXPECT_NE(parse(huge, step).error, "");
  EXPECT_NE(parse(std::string(MultipartParser::kMaxPreamble + 1, 'a'), 100).error, "");
}

TEST(MultipartParser, Boundary) {
  auto of = [](std::string_view type) { return MultipartParser::boundary_of(type).value_or("none"); };
  EXPECT_EQ(of("multipart/form-data; boundary=abc"), "abc");
  EXPECT_EQ(of("Multipart/Form-Data;charset=utf-8; Boundary=\"a b;c\""), "a b;c");
  EXPECT_EQ(of("multipart/form-data; boundary=opensandbox_0123456789abcdef_1700000000"),
            "opensandbox_0123456789abcdef_1700000000");
  EXPECT_EQ(of("multipart/mixed; boundary=abc"), "none");
  EXPECT_EQ(of("application/json"), "none");
  EXPECT_EQ(of("multipart/form-data"), "none");
  EXPECT_EQ(of("multipart/form-data; boundary="), "none");
  EXPECT_EQ(of("multipart/form-data; boundary=" + std::string(201, 'x')), "none");
  EXPECT_EQ(of(""), "none");
}

}  // namespace
}  // namespace osb::execd
