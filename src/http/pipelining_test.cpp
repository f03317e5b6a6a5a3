// Requests that a client sends ahead, before the answers to the earlier ones.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/tcp.h>
#include <sys/socket.h>

#include "http/world_for_tests.h"

namespace osb::http {
namespace {

using namespace std::chrono_literals;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

net::task<> say_hello(Request&, ResponseWriter& response) { co_await response.send({.body = "hello"}); }
net::task<> tunnel(Request&, ResponseWriter& response) {
  std::string early;
  auto stream = response.upgrade(early);
  co_await stream->write("HTTP/1.1 101 Switching Protocols\r\n\r\n" + early);
}

struct Pipelining : World, testing::Test {
  Pipelining() : gate(loop.executor()) {
    router.add("GET", "/hello", say_hello);
    router.add("GET", "/tunnel", tunnel);
    router.add("GET", "/gate",
               [this](Request&, ResponseWriter& response) { return at_gate(*this, response); });
  }
  static std::string get(const std::string& path, const std::string& extra = "") {
    return "GET " + path + " HTTP/1.1\r\nHost: h\r\n" + extra + "\r\n";
  }
  static net::task<> at_gate(Pipelining& world, ResponseWriter& response) {
    if (!co_await world.gate.wait_for(10s)) throw Error(ErrorCode::timeout, "nobody opened the gate");
    co_await response.send({.body = "opened"});
  }
  // Sends all of it, then reads until `ends`; returns the segments that the answers came in.
  static net::task<> exchange(Pipelining& world, std::string bytes, std::string ends, bool open_gate,
                              std::string& answer, uint32_t& segments) {
    auto stream = co_await net::connect_tcp(world.loop.executor(), "127.0.0.1", world.port, 1s);
    stream->set_read_deadline(10s);
    co_await stream->write(bytes);
    char buffer[4096];
    while (!answer.ends_with(ends)) {
      size_t count = co_await stream->read_some(buffer);
      if (count == 0) break;
      answer.append(buffer, count);
    }
    if (open_gate) {
      world.gate.notify();
      while (!answer.ends_with("opened")) answer.append(buffer, co_await stream->read_some(buffer));
    }
    tcp_info info{};
    socklen_t size = sizeof info;
    ::getsockopt(stream->native_handle(), IPPROTO_TCP, TCP_INFO, &info, &size);
    segments = info.tcpi_data_segs_in;
  }
  std::string send(const std::string& bytes, const std::string& ends, bool open_gate = false) {
    std::string answer;
    run(exchange(*this, bytes, ends, open_gate, answer, segments));
    return answer;
  }

  net::Event gate;
  uint32_t segments = 0;
};

TEST_F(Pipelining, AnswersLeaveTogether) {
  std::string many;
  for (int i = 0; i < 20; i++) many += get("/hello");
  std::string answer = send(many + get("/nope"), "}");
  EXPECT_EQ(count_of(answer, "\r\n\r\nhello"), 20u);
  EXPECT_THAT(answer, HasSubstr("HTTP/1.1 404"));
  EXPECT_LE(segments, 3u);
}

TEST_F(Pipelining, AnAnswerIsNotKeptBackByASlowerRequestBehindIt) {
  std::string answer = send(get("/hello") + get("/hello") + get("/gate"), "hello", true);
  EXPECT_EQ(count_of(answer, "\r\n\r\nhello"), 2u);
  EXPECT_THAT(answer, EndsWith("opened"));
}

TEST_F(Pipelining, AnswersComeBeforeAConnectionIsTakenOver) {
  std::string answer =
      send(get("/hello") + get("/tunnel", "Upgrade: x\r\nConnection: upgrade\r\n") + "early", "early");
  EXPECT_LT(answer.find("hello"), answer.find("HTTP/1.1 101"));
  EXPECT_EQ(count_of(answer, "HTTP/1.1 "), 2u);
}

TEST_F(Pipelining, AnswersComeBeforeTheEndOfAConnection) {
  std::string answer = talk(get("/hello") + get("/hello", "Connection: close\r\n") + get("/hello"));
  EXPECT_EQ(count_of(answer, "\r\n\r\nhello"), 2u) << "what follows a close is not answered";
  answer = talk(get("/hello") + "no request\r\n\r\n");
  EXPECT_EQ(count_of(answer, "HTTP/1.1 200"), 1u);
  EXPECT_EQ(count_of(answer, "HTTP/1.1 400"), 1u);
  answer = talk(get("/hello") + "GET /half");
  EXPECT_EQ(count_of(answer, "HTTP/1.1 200"), 1u);
}

// The held answers are bounded, and a client that reads nothing in between loses none.
TEST_F(Pipelining, ThousandsOfAnswersAllCome) {
  std::string many;
  for (int i = 0; i < 5000; i++) many += get("/hello");
  EXPECT_EQ(count_of(talk(many), "\r\n\r\nhello"), 5000u);
}

}  // namespace
}  // namespace osb::http
