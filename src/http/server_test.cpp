#include "http/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "http/world_for_tests.h"

namespace osb::http {
namespace {

using namespace std::chrono_literals;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

net::task<> hello(Request& request, ResponseWriter& response) {
  co_await response.send({.headers = {{"X-Path", request.path}}, .body = "hello"});
}
net::task<> echo_whole(Request& request, ResponseWriter& response) {
  std::string body = co_await request.body->read_all();
  co_await response.send({.body = "[" + body + "]"});
}
net::task<> echo_stream(Request& request, ResponseWriter& response) {
  response.start(200, {});
  char buffer[7];
  while (size_t count = co_await request.body->read_some(buffer)) co_await response.write({buffer, count});
  co_await response.finish();
}
net::task<> stream_three(Request&, ResponseWriter& response) {
  response.start(200, {{"Content-Type", "text/event-stream"}});
  co_await response.write("one");
  co_await response.write("two");
  co_await response.finish("three");
}
net::task<> with_length(Request&, ResponseWriter& response) {
  response.start(200, {{"Content-Length", "6"}});
  co_await response.write("abc");
  co_await response.finish("def");
}
net::task<> too_short(Request&, ResponseWriter& response) {
  response.start(200, {{"Content-Length", "6"}});
  co_await response.write("abc");
  co_await response.finish();
}
net::task<> no_content(Request&, ResponseWriter& response) { co_await response.send({.status = 204}); }
net::task<> answers_nothing(Request&, ResponseWriter&) { co_return; }
net::task<> not_there(Request&, ResponseWriter&) {
  throw Error(ErrorCode::not_found, "finding it: gone", "SANDBOX::NOT_FOUND");
  co_return;
}
net::task<> busy(Request&, ResponseWriter&) {
  throw Error(ErrorCode::exhausted, "creating: full");
  co_return;
}
net::task<> crash(Request&, ResponseWriter&) {
  throw std::runtime_error("secret detail");
  co_return;
}
net::task<> crash_late(Request&, ResponseWriter& response) {
  response.start(200, {});
  co_await response.write("part");
  throw Error(ErrorCode::internal, "broke");
}
net::task<> sleepy(Request&, ResponseWriter& response) {
  co_await net::sleep_for(200ms);
  co_await response.send({.body = "late"});
}
net::task<> upgrade(Request&, ResponseWriter& response) {
  std::string early;
  auto stream = response.upgrade(early);
  co_await stream->write("HTTP/1.1 101 Switching Protocols\r\n\r\n" + early);
  char buffer[64];
  while (size_t count = co_await stream->read_some(buffer))
    co_await stream->write({std::string_view(buffer, count)});
}

struct Server_ : World, testing::Test {
  explicit Server_(ServerOptions options = {}) : World(std::move(options)) {
    router.add("GET", "/hello", hello);
    router.add("POST", "/echo", echo_whole);
    router.add("POST", "/stream", echo_stream);
    router.add("GET", "/three", stream_three);
    router.add("GET", "/length", with_length);
    router.add("GET", "/short", too_short);
    router.add("GET", "/204", no_content);
    router.add("*", "/nothing", answers_nothing);
    router.add("*", "/missing", not_there);
    router.add("*", "/busy", busy);
    router.add("*", "/crash", crash);
    router.add("*", "/crash-late", crash_late);
    router.add("*", "/ignore", hello);
    router.add("GET", "/sleepy", sleepy);
    router.add("GET", "/upgrade", upgrade);
  }
  static std::string get(const std::string& path, const std::string& extra = "") {
    return "GET " + path + " HTTP/1.1\r\nHost: h\r\n" + extra + "\r\n";
  }
  static std::string post(const std::string& path, const std::string& body, const std::string& extra = "") {
    return "POST " + path + " HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(body.size()) +
           "\r\n" + extra + "\r\n" + body;
  }
};

TEST_F(Server_, AnswersPipelinedRequestsInOrder) {
  std::string answer =
      talk(get("/hello") + post("/echo", "1") + get("/three") + post("/echo", "2") + get("/nope"));
  EXPECT_EQ(count_of(answer, "HTTP/1.1 "), 5u);
  size_t at = 0;
  for (const char* part : {"hello", "[1]", "three", "[2]", "404"}) {
    at = answer.find(part, at);
    ASSERT_NE(at, std::string::npos) << part << answer;
  }
  EXPECT_THAT(answer, Not(HasSubstr("Connection: close")));
}

TEST_F(Server_, KeepsAConnectionByteByByte) {
  struct Slow {
    static net::task<> send(World& world, std::string bytes, std::string& answer) {
      auto stream = co_await net::connect_tcp(world.loop.executor(), "127.0.0.1", world.port, 1s);
      for (char c : bytes) {
        co_await stream->write(std::string_view(&c, 1));
        co_await net::sleep_for(1ms);
      }
      stream->shutdown_write();
      char buffer[4096];
      while (size_t count = co_await stream->read_some(buffer)) answer.append(buffer, count);
    }
  };
  std::string answer;
  run(Slow::send(
      *this,
      "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n" +
          post("/stream", "0123456789"),
      answer));
  EXPECT_THAT(answer, HasSubstr("[abcd]"));
  EXPECT_THAT(answer, EndsWith("0\r\n\r\n"));
}

TEST_F(Server_, FramesAnswers) {
  EXPECT_THAT(talk(get("/three")), EndsWith("\r\n\r\n3\r\none\r\n3\r\ntwo\r\n5\r\nthree\r\n0\r\n\r\n"));
  EXPECT_THAT(talk(get("/length")), EndsWith("\r\n\r\nabcdef"));
  std::string empty = talk(get("/204"));
  EXPECT_THAT(empty, StartsWith("HTTP/1.1 204 No Content\r\n"));
  EXPECT_THAT(empty, Not(HasSubstr("Content-Length")));
  EXPECT_THAT(empty, EndsWith("\r\n\r\n"));
  EXPECT_THAT(talk("POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
              EndsWith("[]"));
}

TEST_F(Server_, LeavesTheBodyOutForHead) {
  std::string answer = talk("HEAD /hello HTTP/1.1\r\nHost: h\r\n\r\nHEAD /three HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(count_of(answer, "200 OK"), 2u);
  EXPECT_THAT(answer, HasSubstr("Content-Length: 5"));
  EXPECT_THAT(answer, HasSubstr("Transfer-Encoding: chunked"));
  EXPECT_THAT(answer, EndsWith("\r\n\r\n"));
  EXPECT_THAT(answer, Not(HasSubstr("\r\n\r\nhello")));
  EXPECT_THAT(answer, Not(HasSubstr("one")));
}

TEST_F(Server_, SpeaksHttp10) {
  std::string answer = talk("GET /three HTTP/1.0\r\n\r\n", false);
  EXPECT_THAT(answer, HasSubstr("Connection: close"));
  EXPECT_THAT(answer, Not(HasSubstr("Transfer-Encoding")));
  EXPECT_THAT(answer, EndsWith("\r\n\r\nonetwothree"));
  answer = talk("GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /hello HTTP/1.0\r\n\r\n", false);
  EXPECT_EQ(count_of(answer, "200 OK"), 2u);
}

TEST_F(Server_, SendsContinueOnlyWhenTheBodyIsWanted) {
  struct Client {
    static net::task<> send(World& world, std::string path, std::string& first, std::string& rest) {
      auto stream = co_await net::connect_tcp(world.loop.executor(), "127.0.0.1", world.port, 1s);
      std::string head =
          "POST " + path + " HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n";
      co_await stream->write(head);
      char buffer[4096];
      first.assign(buffer, co_await stream->read_some(buffer));
      if (first.starts_with("HTTP/1.1 100")) {
        co_await stream->write("ok");
        rest.assign(buffer, co_await stream->read_some(buffer));
      } else {
        rest = co_await stream->read_some(buffer) == 0 ? "closed" : "open";
      }
    }
  };
  std::string first, rest;
  run(Client::send(*this, "/echo", first, rest));
  EXPECT_EQ(first, "HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_THAT(rest, EndsWith("[ok]"));
  run(Client::send(*this, "/ignore", first, rest));
  EXPECT_THAT(first, HasSubstr("200 OK"));
  EXPECT_THAT(first, HasSubstr("Connection: close"));
  EXPECT_EQ(rest, "closed");
}

TEST_F(Server_, DrainsASmallUnreadBodyAndClosesOnALargeOne) {
  std::string answer = talk(post("/ignore", std::string(1000, 'x')) + get("/hello"));
  EXPECT_EQ(count_of(answer, "200 OK"), 2u);
  answer = talk(post("/missing", std::string(100000, 'x')) + get("/hello"));
  EXPECT_EQ(count_of(answer, "200 OK"), 1u) << "an error keeps the connection too";
  answer = talk(post("/ignore", std::string(600000, 'x')) + get("/hello"));
  EXPECT_EQ(count_of(answer, "200 OK"), 1u);
  EXPECT_THAT(answer, HasSubstr("Connection: close"));
  EXPECT_THAT(answer, Not(HasSubstr("<broken>"))) << "the answer must survive the close";
}

TEST_F(Server_, TurnsErrorsIntoAnswers) {
  std::string answer = talk(get("/missing") + get("/busy") + get("/crash") + get("/nothing") + get("/hello"));
  EXPECT_THAT(answer, HasSubstr("404 Not Found"));
  EXPECT_THAT(answer, HasSubstr(R"({"code":"SANDBOX::NOT_FOUND","message":"finding it: gone"})"));
  EXPECT_THAT(answer, HasSubstr("429 Too Many Requests"));
  EXPECT_THAT(answer, HasSubstr("Retry-After: 1"));
  EXPECT_EQ(count_of(answer, "500 Internal Server Error"), 2u);
  EXPECT_THAT(answer, Not(HasSubstr("secret detail")));
  EXPECT_EQ(count_of(answer, "200 OK"), 1u) << "the connection stays usable";
}

TEST_F(Server_, CutsAnAnswerThatCannotBeCompleted) {
  std::string answer = talk(get("/crash-late") + get("/hello"));
  EXPECT_THAT(answer, HasSubstr("part"));
  EXPECT_THAT(answer, Not(HasSubstr("0\r\n\r\n")));
  EXPECT_EQ(count_of(answer, "200 OK"), 1u);
  EXPECT_THAT(talk(get("/short")), Not(HasSubstr("abcd")));
  EXPECT_EQ(talk("GET /crash-late HTTP/1.0\r\n\r\n", false).find("<broken>") == std::string::npos, false)
      << "without a length only a reset tells";
}

TEST_F(Server_, EchoesOrMakesRequestIds) {
  EXPECT_THAT(talk(get("/hello", "X-Request-ID:  abc-1 \r\n")), HasSubstr("X-Request-ID: abc-1\r\n"));
  std::string answer = talk(get("/hello", "X-Request-ID: " + std::string(129, 'a') + "\r\n"));
  EXPECT_THAT(answer, Not(HasSubstr("aaaa")));
  EXPECT_THAT(answer, testing::ContainsRegex("X-Request-ID: [0-9a-f]{32}"));
  EXPECT_THAT(talk("BAD\r\n\r\n"), testing::ContainsRegex("X-Request-ID: [0-9a-f]{32}"));
}

TEST_F(Server_, RefusesWhatIsNotHttp) {
  for (std::string bad :
       {"BAD\r\n\r\n", "GET / HTTP/1.1\r\nHost : h\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"}) {
    std::string answer = talk(bad + get("/hello"), false);
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 400 Bad Request\r\n")) << bad;
    EXPECT_THAT(answer, HasSubstr(R"({"code":"INVALID_REQUEST")"));
    EXPECT_EQ(count_of(answer, "HTTP/1.1"), 1u) << "nothing behind it is served";
  }
  std::string answer = talk(
      "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n" + get("/hello"), false);
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 400"));
  EXPECT_EQ(count_of(answer, "HTTP/1.1"), 1u);
  EXPECT_THAT(talk("GET foo HTTP/1.1\r\nHost: h\r\n\r\n"), StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(talk("GET http://h:1/hello?x HTTP/1.1\r\nHost: h\r\n\r\n"), HasSubstr("X-Path: /hello\r\n"));
}

TEST_F(Server_, HandsTheConnectionOver) {
  EXPECT_EQ(talk(get("/upgrade") + "early and late"),
            "HTTP/1.1 101 Switching Protocols\r\n\r\nearly and late");
}

TEST_F(Server_, StopsInGoodOrder) {
  struct Stop {
    static net::task<> run(World& world, std::string& answer, size_t& left) {
      auto idle = co_await net::connect_tcp(world.loop.executor(), "127.0.0.1", world.port, 1s);
      net::spawn(
          world.loop.executor(), "request",
          World::talk_to(world.loop.executor(), world.port, Server_::get("/sleepy"), false, 5s, answer));
      co_await net::sleep_for(50ms);
      co_await world.server->stop(3s);
      left = world.server->connections();
      char byte;
      EXPECT_EQ(co_await idle->read_some({&byte, 1}), 0u);
      co_await net::sleep_for(20ms);
      bool refused = false;
      try {
        co_await net::connect_tcp(world.loop.executor(), "127.0.0.1", world.port, 1s);
      } catch (const Error&) {
        refused = true;
      }
      EXPECT_TRUE(refused);
    }
  };
  std::string answer;
  size_t left = 99;
  run(Stop::run(*this, answer, left));
  EXPECT_THAT(answer, HasSubstr("late"));
  EXPECT_THAT(answer, HasSubstr("Connection: close"));
  EXPECT_EQ(left, 0u);
}

// Regression: the owner of a server was told of requests that ended when it was gone.
TEST(ServerThatIsGone, TellsNobodyOfRequestsThatEndLater) {
  int told = 0;
  World world({.on_served = [&told](const Request&, int, std::chrono::microseconds) { told++; }});
  world.router.add("GET", "/hello", hello);
  world.router.add("GET", "/sleepy", sleepy);
  world.talk(Server_::get("/hello"));
  EXPECT_EQ(told, 1);
  std::string answer;
  net::spawn(world.loop.executor(), "request",
             World::talk_to(world.loop.executor(), world.port, Server_::get("/sleepy"), false, 5s, answer));
  world.run(net::sleep_for(50ms));
  world.server.reset();
  world.run(net::sleep_for(300ms));
  EXPECT_EQ(told, 1);
  EXPECT_EQ(answer, "") << "its connections end with it";
}

ServerOptions tight() {
  ServerOptions options;
  options.limits.header_bytes = 2048;
  options.limits.body_bytes = 1000;
  options.limits.header_time = 1s;
  options.limits.idle_time = 2s;
  options.limits.body_idle_time = 1s;
  options.limits.write_idle_time = 1s;
  options.limits.connections = 3;
  return options;
}
net::task<> endless(Request&, ResponseWriter& response) {
  std::string block(64 * 1024, 'x');
  response.start(200, {});
  while (true) co_await response.write(block);
}
struct Limited : Server_ {
  Limited() : Server_(tight()) { router.add("GET", "/endless", endless); }
};

TEST_F(Limited, LongHeads) {
  std::string answer = talk(get("/hello", "X: " + std::string(4000, 'x') + "\r\n"), false);
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 431 "));
  EXPECT_THAT(talk("GET /" + std::string(100000, 'x'), false), StartsWith("HTTP/1.1 431 "));
}

TEST_F(Limited, SlowHeads) {
  std::string answer = talk("GET /hello HTTP/1.1\r\nHost", false);
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 408 "));
  EXPECT_THAT(answer, HasSubstr("REQUEST_TIMEOUT"));
  EXPECT_EQ(talk("", false), "") << "an idle connection is closed without a word";
}

TEST_F(Limited, SilentBodies) {
  std::string answer = talk("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc", false);
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 408 "));
}

// Sends `bytes` one by one, then `after`, and returns all that comes back.
net::task<> trickle(World& world, std::string head, size_t bytes, std::chrono::milliseconds pause,
                    std::string after, std::string& answer) {
  auto stream = co_await net::connect_tcp(world.loop.executor(), "127.0.0.1", world.port, 1s);
  bool open = true;
  try {
    co_await stream->write(head);
    for (size_t i = 0; i < bytes; i++) {
      co_await net::sleep_for(pause);
      co_await stream->write("x");
    }
    co_await stream->write(after);
  } catch (const Error&) {
    open = false;  // cut off meanwhile
  }
  stream->set_read_deadline(open ? 10s : 1s);
  char buffer[4096];
  try {
    while (size_t count = co_await stream->read_some(buffer)) answer.append(buffer, count);
  } catch (const Error&) {  // reset: what came before counts
  }
}

TEST_F(Limited, BodiesThatTrickle) {
  std::string answer;
  run(trickle(*this, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 14\r\n\r\n", 14, 500ms, "", answer));
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 408 ")) << "no silence was too long, but all of them together";
  answer.clear();
  run(trickle(*this, "POST /ignore HTTP/1.1\r\nHost: h\r\nContent-Length: 8\r\n\r\n", 8, 500ms,
              get("/hello", "Connection: close\r\n"), answer));
  EXPECT_EQ(count_of(answer, "200 OK"), 1u) << "nobody waits that long for a body that nobody wants";
}

TEST_F(Limited, LongBodies) {
  EXPECT_THAT(talk(post("/echo", std::string(1000, 'x')) + get("/hello")), HasSubstr("hello"));
  std::string answer = talk(post("/echo", std::string(1001, 'x')) + get("/hello"));
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 413 "));
  EXPECT_THAT(answer, HasSubstr("hello"));
  std::string chunks = "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 5; i++) chunks += "100\r\n" + std::string(256, 'x') + "\r\n";
  EXPECT_THAT(talk(chunks + "0\r\n\r\n"), StartsWith("HTTP/1.1 413 "));
}

TEST_F(Limited, ClientsThatDoNotRead) {
  struct Deaf {
    static net::task<> run(World& world) {
      auto stream = co_await net::connect_tcp(world.loop.executor(), "127.0.0.1", world.port, 1s);
      co_await stream->write(Server_::get("/endless"));
      while (world.server->connections() == 0) co_await net::sleep_for(10ms);
      while (world.server->connections() > 0) co_await net::sleep_for(50ms);
    }
  };
  run(Deaf::run(*this));
}

TEST_F(Limited, TheLongestIdleConnectionMakesRoom) {
  struct Crowd {
    static net::task<> run(World& world, std::string& answer, int& old, int& young) {
      std::vector<std::unique_ptr<net::Stream>> crowd;
      char bytes[4096];
      for (int i = 0; i < 3; i++) {
        crowd.push_back(co_await net::connect_tcp(world.loop.executor(), "127.0.0.1", world.port, 1s));
        co_await crowd.back()->write(Server_::get("/hello"));
        co_await crowd.back()->read_some(bytes);
      }
      // The first one has been idle longest, until it is used again.
      co_await crowd[0]->write(Server_::get("/hello"));
      co_await crowd[0]->read_some(bytes);
      co_await World::talk_to(world.loop.executor(), world.port, Server_::get("/hello"), true, 5s, answer);
      old = static_cast<int>(co_await crowd[1]->read_some(bytes));
      co_await crowd[0]->write(Server_::get("/hello"));
      young = static_cast<int>(co_await crowd[0]->read_some(bytes));
    }
  };
  std::string answer;
  int old = -1, young = -1;
  run(Crowd::run(*this, answer, old, young));
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 "));
  EXPECT_EQ(old, 0);
  EXPECT_GT(young, 0);
}

int connect_now(uint16_t port) {
  int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  name.sin_port = htons(port);
  EXPECT_EQ(::connect(fd, reinterpret_cast<sockaddr*>(&name), sizeof name), 0);
  return fd;
}

TEST_F(Limited, ARequestThatWaitsUnreadIsNotLostToANewConnection) {
  std::vector<Fd> crowd;
  for (int i = 0; i < 3; i++) crowd.emplace_back(connect_now(port));
  run(net::sleep_for(50ms));  // all are idle, the first one longest
  Fd late(connect_now(port));
  std::string request = get("/hello");
  ASSERT_EQ(::send(crowd[0].get(), request.data(), request.size(), 0), static_cast<ssize_t>(request.size()));
  run(net::sleep_for(200ms));
  char answer[512] = {};
  ASSERT_GT(::recv(crowd[0].get(), answer, sizeof answer - 1, MSG_DONTWAIT), 0);
  EXPECT_THAT(std::string(answer), StartsWith("HTTP/1.1 200 "));
  EXPECT_EQ(::recv(crowd[1].get(), answer, sizeof answer, MSG_DONTWAIT), 0) << "the next one gave way";
}

TEST_F(Limited, ARequestThatWaitsUnreadIsAnsweredBeforeTheServerStops) {
  Fd client(connect_now(port));
  run(net::sleep_for(50ms));
  std::string request = get("/hello");
  ASSERT_EQ(::send(client.get(), request.data(), request.size(), 0), static_cast<ssize_t>(request.size()));
  run(server->stop(3s));
  char answer[512] = {};
  ASSERT_GT(::recv(client.get(), answer, sizeof answer - 1, MSG_DONTWAIT), 0);
  EXPECT_THAT(std::string(answer), StartsWith("HTTP/1.1 200 "));
}

TEST_F(Limited, ABurstOfSilentConnectionsDoesNotKeepTheNextOneOut) {
  std::vector<Fd> burst;  // all are accepted in one go: the loop does not run meanwhile
  for (int i = 0; i < 20; i++) burst.emplace_back(connect_now(port));
  std::string request = get("/hello");
  ASSERT_EQ(::send(burst.back().get(), request.data(), request.size(), 0),
            static_cast<ssize_t>(request.size()));
  run(net::sleep_for(200ms));
  char answer[512] = {};
  ASSERT_GT(::recv(burst.back().get(), answer, sizeof answer - 1, MSG_DONTWAIT), 0);
  EXPECT_THAT(std::string(answer), StartsWith("HTTP/1.1 200 "));
}

TEST_F(Limited, ConnectionsAboveTheCap) {
  struct Crowd {
    static net::task<> run(World& world, std::string& answer) {
      std::vector<std::unique_ptr<net::Stream>> crowd;
      for (int i = 0; i < 3; i++) {
        crowd.push_back(co_await net::connect_tcp(world.loop.executor(), "127.0.0.1", world.port, 1s));
        co_await crowd.back()->write("GET");  // none of them is idle
      }
      co_await net::sleep_for(50ms);
      co_await World::talk_to(world.loop.executor(), world.port, Server_::get("/hello"), false, 5s, answer);
    }
  };
  std::string answer;
  run(Crowd::run(*this, answer));
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 503 "));
  EXPECT_THAT(answer, HasSubstr("Retry-After: 1"));
  EXPECT_EQ(count_of(answer, "HTTP/1.1"), 1u);
}

}  // namespace
}  // namespace osb::http
