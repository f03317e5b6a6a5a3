#include "http/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "http/world_for_tests.h"

namespace osb::http {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

// A server that says what it is told to, byte for byte, connection after connection.
struct Script {
  explicit Script(net::Loop& loop) : listener(net::listen_tcp(loop.executor(), "127.0.0.1", 0)) {}
  uint16_t port() const { return listener->port(); }

  // One entry per connection: each string answers one request head (as seen by its blank line); "" ends it
  // silently.
  static net::task<> play(std::shared_ptr<Script> script, std::vector<std::vector<std::string>> connections) {
    for (auto& answers : connections) {
      auto stream = co_await script->listener->accept();
      script->accepted++;
      for (std::string& answer : answers) {
        std::string seen;
        char buffer[4096];
        while (seen.find("\r\n\r\n") == std::string::npos) {
          size_t count = co_await stream->read_some(buffer);
          if (count == 0) break;
          seen.append(buffer, count);
        }
        script->seen += seen;
        if (answer.empty()) break;
        co_await stream->write(answer);
      }
    }
  }

  std::unique_ptr<net::Listener> listener;
  std::string seen;
  int accepted = 0;
};

struct Outcome {
  int status = 0;
  std::string body;
  std::string error;
  ErrorCode code = ErrorCode::internal;
};

net::task<> ask(Client& client, uint16_t port, ClientRequest request, Outcome& out) {
  out = {};
  try {
    auto answer = co_await client.send({"127.0.0.1", port, ""}, std::move(request));
    out.status = answer->status();
    out.body = co_await answer->read_all();
  } catch (const Error& error) {
    out.error = error.message();
    out.code = error.code();
  }
}

net::task<> echo(Request& request, ResponseWriter& response) {
  std::string body = co_await request.body->read_all(64 << 20);
  co_await response.send(
      {.headers = {{"X-Method", request.method}, {"X-Peer", std::to_string(request.peer.port)}},
       .body = request.headers.get("Transfer-Encoding", "-") == "-" ? body : "chunked:" + body});
}
net::task<> pour(Request& request, ResponseWriter& response) {
  response.start(200, {});
  char buffer[65536];
  while (size_t count = co_await request.body->read_some(buffer)) co_await response.write({buffer, count});
  co_await response.finish();
}
net::task<> no_thanks(Request&, ResponseWriter&) {
  throw Error(ErrorCode::too_large, "not that much");
  co_return;
}
net::task<> answers_and_reads_no_more(Request&, ResponseWriter& response) {
  std::string early;
  auto stream = response.upgrade(early);
  co_await stream->write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  co_await net::sleep_for(60s);
}
net::task<> two_hundred_four(Request&, ResponseWriter& response) { co_await response.send({.status = 204}); }

// A body of `size` bytes, of known length or not, that breaks when less than `fail_below` is left.
struct Blocks final : BodyReader {
  Blocks(uint64_t size, bool known, uint64_t fail_below = 0)
      : left(size), size(size), fail_below(fail_below), known(known) {}
  net::task<size_t> read_some(std::span<char> into) override {
    size_t count = std::min<uint64_t>(left, into.size());
    std::fill_n(into.begin(), count, 'b');
    left -= count;
    if (left < fail_below) throw Error(ErrorCode::unavailable, "the source broke");
    co_return count;
  }
  net::task<std::string> read_all(uint64_t) override { co_return ""; }
  std::optional<uint64_t> content_length() const override {
    return known ? std::optional(size) : std::nullopt;
  }
  uint64_t left, size, fail_below;
  bool known;
};

struct ClientTest : World, testing::Test {
  ClientTest() : client(loop.executor(), options()) {
    router.add("*", "/echo", echo);
    router.add("*", "/pour", pour);
    router.add("*", "/no", no_thanks);
    router.add("*", "/deaf", answers_and_reads_no_more);
    router.add("*", "/204", two_hundred_four);
  }
  static ClientOptions options() {
    ClientOptions options;
    options.response_time = 1s;
    options.body_idle_time = 1s;
    return options;
  }
  Outcome ask_server(ClientRequest request) {
    Outcome out;
    run(ask(client, port, std::move(request), out));
    return out;
  }
  // Asks a scripted server `times` times.
  Outcome ask_script(std::vector<std::vector<std::string>> connections, int times = 1,
                     ClientRequest request = {}) {
    script = std::make_shared<Script>(loop);
    net::spawn(loop.executor(), "script", Script::play(script, std::move(connections)));
    Outcome out;
    for (int i = 0; i < times; i++) run(ask(client, script->port(), request, out));
    return out;
  }
  Client client;
  std::shared_ptr<Script> script;
};

TEST_F(ClientTest, ReusesConnections) {
  struct Twice {
    static net::task<> ask(Client& client, uint16_t port, std::vector<std::string>& peers) {
      for (int i = 0; i < 3; i++) {
        auto answer =
            co_await client.send({"127.0.0.1", port, ""}, {.method = "POST", .target = "/echo", .body = "x"});
        peers.emplace_back(answer->headers().get("X-Peer"));
        EXPECT_EQ(co_await answer->read_all(), "x");
      }
    }
  };
  std::vector<std::string> peers;
  run(Twice::ask(client, port, peers));
  EXPECT_EQ(peers[0], peers[1]);
  EXPECT_EQ(peers[1], peers[2]);
}

TEST_F(ClientTest, HandlesBodilessAnswers) {
  EXPECT_EQ(ask_server({.method = "HEAD", .target = "/echo"}).status, 200);
  EXPECT_EQ(ask_server({.target = "/204"}).status, 204);
  Outcome out = ask_script({{"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 304 "
                             "Not\r\nContent-Length: "
                             "9\r\n\r\n",
                             "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"}},
                           2);
  EXPECT_EQ(out.body, "ok");
  EXPECT_EQ(script->accepted, 1);
}

TEST_F(ClientTest, StreamsBodiesUp) {
  for (bool known : {true, false}) {
    Blocks body(3'000'000, known);
    Outcome out = ask_server({.method = "PUT", .target = "/echo", .body_source = &body});
    EXPECT_EQ(out.body.size(), 3'000'000u + (known ? 0 : 8)) << out.error;
  }
}

TEST_F(ClientTest, FailsWithItsSource) {
  Blocks blocks(1'000'000, true, 500'000);
  Outcome out = ask_server({.method = "PUT", .target = "/echo", .body_source = &blocks});
  EXPECT_EQ(out.error, "the source broke");
}

TEST_F(ClientTest, TakesAnAnswerThatComesBeforeTheBodyIsSent) {
  Blocks blocks(1ull << 40, true);
  Outcome out = ask_server({.method = "PUT", .target = "/no", .body_source = &blocks});
  EXPECT_EQ(out.status, 413) << out.error;
}

TEST_F(ClientTest, AnUploadEndsWithItsAnswerThoughNobodyReadsIt) {
  struct Early {
    static net::task<> send(Client& client, uint16_t port, BodyReader& body, bool& done) {
      ClientRequest request{.method = "POST", .target = "/deaf"};
      request.body_source = &body;
      request.full_duplex = true;
      auto answer = co_await client.send({"127.0.0.1", port, ""}, std::move(request));
      EXPECT_EQ(co_await answer->read_all(), "ok");
      co_await answer->upload_done();
      done = true;
    }
    static net::task<> wait(bool& done) {
      for (int i = 0; i < 2000 && !done; i++) co_await net::sleep_for(5ms);
    }
  };
  Client patient(loop.executor());  // waits for minutes until the server takes a piece
  Blocks body(1 << 30, true);
  bool done = false;
  net::spawn(loop.executor(), "early", Early::send(patient, port, body, done));
  run(Early::wait(done));
  EXPECT_TRUE(done);
}

TEST_F(ClientTest, ReadsBodiesThatEndWithTheConnection) {
  EXPECT_EQ(ask_script({{"HTTP/1.0 200 OK\r\n\r\nall of it"}}).body, "all of it");
}

TEST_F(ClientTest, TriesOnceMoreOnAStaleConnection) {
  std::string ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
  Outcome out = ask_script({{ok, ""}, {ok}}, 2, {.method = "PUT", .body = "payload"});
  EXPECT_EQ(out.body, "ok") << out.error;
  EXPECT_EQ(script->accepted, 2);
}

TEST_F(ClientTest, NeverSendsAPostTwice) {
  std::string ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
  Outcome out = ask_script({{ok, ""}, {ok}}, 2, {.method = "POST", .body = "payload"});
  EXPECT_EQ(out.code, ErrorCode::unavailable) << "the server may have acted on it before it broke";
  EXPECT_EQ(script->accepted, 1);
}

TEST_F(ClientTest, DoesNotTryAgainOnAFreshOne) {
  EXPECT_EQ(ask_script({{""}, {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"}}).code,
            ErrorCode::unavailable);
  EXPECT_EQ(script->accepted, 1);
}

TEST_F(ClientTest, RefusesBadAnswers) {
  for (std::string bad : {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc", "SSH-2.0-x\r\n\r\n",
                          "HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n",
                          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
                          "HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n"}) {
    Outcome out = ask_script({{bad}});
    EXPECT_EQ(out.code, ErrorCode::unavailable) << bad << out.error;
  }
  EXPECT_EQ(ask_script({{"HTTP/1.1 200 OK\r\nX: " + std::string(100000, 'x')}}).code, ErrorCode::unavailable);
}

TEST_F(ClientTest, HasDeadlines) {
  // The script waits for a second request, so the first is never answered in full.
  EXPECT_EQ(ask_script({{"HTTP/1.1 200 OK\r\nContent-Le", "x"}}).code, ErrorCode::timeout);
  EXPECT_EQ(ask_script({{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc", "x"}}).code, ErrorCode::timeout);
}

TEST_F(ClientTest, NothingListens) {
  Outcome out;
  run(ask(client, 1, {}, out));
  EXPECT_EQ(out.code, ErrorCode::unavailable);
  EXPECT_THAT(out.error, HasSubstr("connecting to 127.0.0.1:1"));
}

TEST_F(ClientTest, CanBeAborted) {
  struct Late {
    static net::task<> abort(Abort abort) {
      co_await net::sleep_for(50ms);
      abort();
    }
  };
  Abort abort;
  net::spawn(loop.executor(), "abort", Late::abort(abort));
  ClientRequest request;
  request.abort = abort;
  EXPECT_EQ(ask_script({{"HTTP/1.1 200 OK\r\nContent-Le", "x"}}, 1, request).code, ErrorCode::unavailable);
}

}  // namespace
}  // namespace osb::http
