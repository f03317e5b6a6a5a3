#include "http/codec.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace osb::http {
namespace {

// Feeds the head in pieces of `step` bytes.
RequestHead read_request(const std::string& text, size_t step = 1, size_t limit = 4096) {
  HeadScanner scanner(limit);
  for (size_t have = 0; have <= text.size();
       have = have == text.size() ? have + 1 : std::min(text.size(), have + step))
    if (size_t length = scanner.scan(std::string_view(text).substr(0, have)))
      return parse_request_head(std::string_view(text).substr(0, length));
  throw Error(ErrorCode::unavailable, "incomplete");
}

bool refused(const std::string& text) {
  try {
    read_request(text, text.size());
    return false;
  } catch (const Error& error) {
    return error.code() == ErrorCode::invalid;
  }
}

TEST(Head, IsTheSameForEverySplit) {
  std::string text =
      "POST /a%20b?x=1 HTTP/1.1\r\nHost: h\r\nX-Two: a\r\nx-two:  b \r\nContent-Length: 12\r\n\r\nrest";
  for (size_t step = 1; step <= text.size(); step++) {
    RequestHead head = read_request(text, step);
    EXPECT_EQ(head.method, "POST");
    EXPECT_EQ(head.target, "/a%20b?x=1");
    EXPECT_EQ(head.headers.size(), 4u);
    EXPECT_EQ(head.headers.get("X-TWO"), "a");
    EXPECT_EQ(head.body.kind, BodyFraming::Kind::length);
    EXPECT_EQ(head.body.length, 12u);
    EXPECT_TRUE(head.keep_alive);
  }
}

TEST(Head, KeepAliveRules) {
  EXPECT_TRUE(read_request("GET / HTTP/1.1\r\nHost: a\r\n\r\n").keep_alive);
  EXPECT_FALSE(read_request("GET / HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n\r\n").keep_alive);
  EXPECT_FALSE(read_request("GET / HTTP/1.0\r\n\r\n").keep_alive);
  EXPECT_TRUE(read_request("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").keep_alive);
}

TEST(Head, RefusesWhatParsersDisagreeAbout) {
  const std::string start = "POST / HTTP/1.1\r\nHost: a\r\n";
  EXPECT_FALSE(refused(start + "Content-Length: 3\r\n\r\n"));
  for (std::string bad : {
           "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
           "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n",
           "Content-Length: 3\r\nContent-Length: 4\r\n",
           "Content-Length: 3\r\nContent-Length: 3\r\n",
           "Content-Length: 3, 3\r\n",
           "Content-Length: +3\r\n",
           "Content-Length: -3\r\n",
           "Content-Length: 0x3\r\n",
           "Content-Length:\r\n",
           "Content-Length: 99999999999999999999\r\n",
           "Transfer-Encoding: gzip, chunked\r\n",
           "Transfer-Encoding: chunked, identity\r\n",
           "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
           "Transfer-Encoding: xchunked\r\n",
           "Transfer-Encoding: \"chunked\"\r\n",
           "Transfer-Encoding : chunked\r\n",
           "X: a\r\n folded\r\n",
           "X: a\r\n\tfolded\r\n",
           "X: a\rb\r\n",
           "X: a\nY: b\r\n",
           "X a\r\n",
           ": a\r\n",
           "Host: b\r\n",
       })
    EXPECT_TRUE(refused(start + bad + "\r\n")) << bad;
  std::string nul = start + "X: a";
  nul += '\0';
  EXPECT_TRUE(refused(nul + "\r\n\r\n"));
  EXPECT_TRUE(refused("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"));
  EXPECT_TRUE(refused("GET / HTTP/1.1\r\n\r\n")) << "no Host";
  EXPECT_TRUE(refused("GET  / HTTP/1.1\r\nHost: a\r\n\r\n"));
  EXPECT_TRUE(refused("GET / HTTP/2.0\r\nHost: a\r\n\r\n"));
  EXPECT_TRUE(refused("GET / HTTP/1.1\nHost: a\n\n"));
  EXPECT_TRUE(refused("GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n"));
}

TEST(Head, StopsAtItsLimit) {
  std::string text = "GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(200, 'x') + "\r\n\r\n";
  EXPECT_NO_THROW(read_request(text, 1, text.size()));
  for (size_t step : {size_t{1}, text.size()}) {
    try {
      read_request(text, step, text.size() - 1);
      ADD_FAILURE() << "accepted a head above the limit";
    } catch (const Error& error) {
      EXPECT_EQ(error.wire(), "REQUEST_HEADERS_TOO_LARGE");
    }
  }
}

TEST(ResponseHeads, HaveTheRightFraming) {
  auto framing = [](std::string text, std::string_view method = "GET") {
    return parse_response_head("HTTP/1.1 " + text + "\r\n\r\n", method).body;
  };
  EXPECT_EQ(framing("200 OK\r\nContent-Length: 5").length, 5u);
  EXPECT_EQ(framing("200 OK\r\nContent-Length: 5", "HEAD").kind, BodyFraming::Kind::none);
  EXPECT_EQ(framing("200 OK\r\nTransfer-Encoding: chunked").kind, BodyFraming::Kind::chunked);
  EXPECT_EQ(framing("200 OK").kind, BodyFraming::Kind::until_close);
  EXPECT_EQ(framing("204 No Content").kind, BodyFraming::Kind::none);
  EXPECT_EQ(framing("304 Not Modified\r\nContent-Length: 5").kind, BodyFraming::Kind::none);
  EXPECT_FALSE(parse_response_head("HTTP/1.1 200 OK\r\n\r\n", "GET").keep_alive);
  EXPECT_EQ(parse_response_head("HTTP/1.1 204\r\n\r\n", "GET").status, 204);
}

// Decodes in pieces of `step` bytes; what follows the body goes to `after`.
std::string decode(BodyFraming framing, const std::string& wire, size_t step, std::string* after = nullptr) {
  BodyDecoder decoder(framing);
  std::string body;
  size_t at = 0;
  while (at < wire.size() && !decoder.done()) {
    std::string_view piece = std::string_view(wire).substr(at, step);
    while (!piece.empty() && !decoder.done()) {
      BodyDecoder::Step taken = decoder.feed(piece);
      body += taken.body;
      piece.remove_prefix(taken.consumed);
      at += taken.consumed;
    }
  }
  if (after) *after = wire.substr(at);
  decoder.end_of_input();
  return body;
}

const BodyFraming kChunked{BodyFraming::Kind::chunked};

TEST(Body, IsTheSameForEverySplit) {
  std::string wire = "5\r\nhello\r\n00A;x=\"1\"\r\n0123456789\r\n0\r\nT: v\r\nU: w\r\n\r\nGET /";
  for (size_t step = 1; step <= wire.size(); step++) {
    std::string after;
    EXPECT_EQ(decode(kChunked, wire, step, &after), "hello0123456789");
    EXPECT_EQ(after, "GET /");
    EXPECT_EQ(decode({BodyFraming::Kind::length, 7}, "1234567next", step, &after), "1234567");
    EXPECT_EQ(after, "next");
    EXPECT_EQ(decode({BodyFraming::Kind::until_close}, "all of it", step), "all of it");
  }
}

TEST(Body, RefusesBadChunks) {
  for (std::string bad :
       {"g\r\n", "\r\n", " 5\r\nhello\r\n", "5 \r\nhello\r\n", "0x5\r\nhello\r\n", "+5\r\nhello\r\n",
        "-5\r\nhello\r\n", "5\nhello\r\n", "5\r\nhello!\r\n", "5\r\nhello\n", "5\rhello\r\n",
        "ffffffffffffffff\r\n", "0000000000000000005\r\nhello\r\n", "5;a\nb\r\nhello\r\n",
        "0\r\n folded\r\n\r\n", "0\r\nT: v\n\r\n", "0\r\n\rX"}) {
    for (size_t step : {size_t{1}, bad.size()}) {
      try {
        decode(kChunked, bad, step);
        ADD_FAILURE() << "accepted " << bad;
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::invalid) << bad;
      }
    }
  }
}

TEST(Body, StaysRefusedAfterAnError) {
  BodyDecoder decoder(kChunked);
  EXPECT_THROW(decoder.feed("zz"), Error);
  EXPECT_THROW(decoder.feed("0\r\n\r\n"), Error);
  EXPECT_FALSE(decoder.done());
}

TEST(Body, BoundsWhatIsNotBody) {
  EXPECT_THROW(decode(kChunked, "5;" + std::string(2000, 'x') + "\r\nhello\r\n0\r\n\r\n", 64), Error);
  EXPECT_THROW(decode(kChunked, "0\r\nT: " + std::string(10000, 'x') + "\r\n\r\n", 64), Error);
}

TEST(Body, CutShortIsAnError) {
  EXPECT_THROW(decode({BodyFraming::Kind::length, 7}, "123", 3), Error);
  EXPECT_THROW(decode(kChunked, "5\r\nhello\r\n", 4), Error);
}

TEST(Writing, TextStaysInItsLine) {
  std::string out;
  append_header(out, "X", "a\r\nEvil: 1");
  EXPECT_EQ(out, "X: a  Evil: 1\r\n");
  out.clear();
  append_request_line(out, "GET", "/a b\r\nHost: x");
  EXPECT_EQ(count_if(out.begin(), out.end(), [](char c) { return c == '\n'; }), 1);
}

}  // namespace
}  // namespace osb::http
