#include "http/proxy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "http/world_for_tests.h"

namespace osb::http {
namespace {

using namespace std::chrono_literals;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

net::task<> describe(Request& request, ResponseWriter& response) {
  std::string text = request.method + " " + request.target + "\n";
  for (const auto& [name, value] : request.headers) text += name + "=" + value + "\n";
  text += co_await request.body->read_all();
  co_await response.send({.headers = {{"Set-Cookie", "a=1"},
                                      {"Set-Cookie", "b=2"},
                                      {"Server", "backend"},
                                      {"Keep-Alive", "timeout=5"},
                                      {"Location", "/login?x"}},
                          .body = text});
}
net::task<> pour_back(Request& request, ResponseWriter& response) {
  response.start(200, {});
  co_await response.flush_head();
  char buffer[65536];
  while (size_t count = co_await request.body->read_some(buffer)) co_await response.write({buffer, count});
  co_await response.finish();
}
net::task<> ticks(Request&, ResponseWriter& response) {
  response.start(200, {{"Content-Type", "text/event-stream"}});
  co_await response.flush_head();
  for (int i = 0; i < 3; i++) {
    co_await net::sleep_for(30ms);
    co_await response.write("tick;");
  }
  co_await response.finish();
}
net::task<> cut(Request&, ResponseWriter& response) {
  response.start(200, {});
  co_await response.write("part");
  throw Error(ErrorCode::internal, "cut");
}
net::task<> big(Request&, ResponseWriter& response) {
  response.start(200, {{"Content-Length", "5000000"}});
  std::string block(50000, 'x');
  for (int i = 0; i < 100; i++) co_await response.write(block);
  co_await response.finish();
}
net::task<> never(Request&, ResponseWriter& response) {
  co_await net::sleep_for(3s);
  co_await response.send({});
}
net::task<> refuse_body(Request&, ResponseWriter&) {
  throw Error(ErrorCode::too_large, "not that much");
  co_return;
}
net::task<> shout(Request&, ResponseWriter& response) {
  std::string early;
  auto stream = response.upgrade(early);
  co_await stream->write(
      "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: shout\r\nSec-X: y\r\n\r\nhi:" +
      early);
  char buffer[65536];
  while (size_t count = co_await stream->read_some(buffer)) {
    for (size_t i = 0; i < count; i++) buffer[i] = static_cast<char>(std::toupper(buffer[i]));
    co_await stream->write(std::string_view(buffer, count));
  }
  co_await stream->write("END");
}

struct Proxy : World, testing::Test {
  Proxy() : backend_watch{0}, client(loop.executor(), options()) {
    backend_router.add("*", "/describe", describe);
    backend_router.add("*", "/describe/{*}", describe);
    backend_router.add("*", "/pour", pour_back);
    backend_router.add("GET", "/ticks", ticks);
    backend_router.add("GET", "/cut", cut);
    backend_router.add("*", "/big", big);
    backend_router.add("GET", "/never", never);
    backend_router.add("*", "/no", refuse_body);
    backend_router.add("GET", "/shout", shout);
    backend_router.add("GET", "/stream", [this](Request&, ResponseWriter& response) {
      return count_stream(backend_watch, response);
    });
    backend = std::make_unique<Server>(loop.executor(), [this](Request& request, ResponseWriter& response) {
      return World::dispatch(backend_router, request, response);
    });
    auto listener = net::listen_tcp(loop.executor(), "127.0.0.1", 0);
    backend_port = listener->port();
    backend->serve(std::move(listener));
    router.add("*", "/p/{*}", [this](Request& request, ResponseWriter& response) {
      return pass(*this, backend_port, request, response);
    });
    router.add("*", "/dead/{*}", [this](Request& request, ResponseWriter& response) {
      return pass(*this, 1, request, response);
    });
  }
  static ClientOptions options() {
    ClientOptions options;
    options.response_time = 1s;
    return options;
  }
  static net::task<> pass(Proxy& proxy, uint16_t port, Request& request, ResponseWriter& response) {
    ProxyOptions options{
        .target = {"127.0.0.1", port, ""}, .path = request.rest, .raw_query = request.raw_query};
    options.drop_request_headers = {"Authorization", "X-Forwarded-For"};
    options.set_request_headers = {{"X-Forwarded-For", request.peer.address}};
    options.drop_response_headers = {"server"};
    options.location_prefix = "/p";
    co_await forward(proxy.client, request, response, options);
  }
  // Writes until the client is gone; counts what it did.
  static net::task<> count_stream(int& state, ResponseWriter& response) {
    state = 1;
    response.start(200, {});
    try {
      while (true) {
        co_await response.write("tick;");
        co_await net::sleep_for(10ms);
      }
    } catch (const Error&) {
      state = 2;
    }
  }
  int backend_watch;
  Client client;
  Router backend_router;
  std::unique_ptr<Server> backend;
  uint16_t backend_port = 0;
};

TEST_F(Proxy, PassesTheRequestRaw) {
  std::string answer = talk(
      "POST /p/describe/a%2Fb%20c?q=%7b&flag HTTP/1.1\r\nHost: front\r\nAuthorization: "
      "secret\r\nX-Forwarded-For: evil\r\n"
      "X-Keep: 1\r\nConnection: X-Hop,x-hop-too ,\r\nX-Hop: 1\r\nX-HOP-Too: 1\r\nTE: trailers\r\n"
      "Connection: close\r\nContent-Length: "
      "4\r\n\r\nbody",
      false);
  EXPECT_THAT(answer, HasSubstr("POST /describe/a%2Fb%20c?q=%7b&flag\n"));
  EXPECT_THAT(answer, HasSubstr("\nX-Keep=1\n"));
  EXPECT_THAT(answer, HasSubstr("\nX-Forwarded-For=127.0.0.1\n"));
  EXPECT_THAT(answer, HasSubstr("Host=127.0.0.1:" + std::to_string(backend_port)));
  for (const char* gone : {"secret", "evil", "X-Hop", "X-HOP", "TE=", "Connection="})
    EXPECT_THAT(answer, Not(HasSubstr(gone)));
  EXPECT_THAT(answer, EndsWith("\nbody"));
}

TEST_F(Proxy, PassesTheAnswerWithEveryHeader) {
  std::string answer =
      talk("GET /p/describe HTTP/1.1\r\nHost: h\r\nX-Request-ID: r1\r\nConnection: close\r\n\r\n", false);
  EXPECT_THAT(answer, HasSubstr("Set-Cookie: a=1\r\nSet-Cookie: b=2\r\n"));
  EXPECT_THAT(answer, HasSubstr("Location: /p/login?x\r\n"));
  EXPECT_THAT(answer, Not(HasSubstr("Server:")));
  EXPECT_THAT(answer, Not(HasSubstr("Keep-Alive:")));
  EXPECT_EQ(count_of(answer, "X-Request-ID:"), 1u);
  EXPECT_EQ(count_of(answer, "Content-Length:"), 1u);
  answer = talk("HEAD /p/big HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", false);
  EXPECT_THAT(answer, HasSubstr("Content-Length: 5000000\r\n"));
  EXPECT_THAT(answer, EndsWith("\r\n\r\n"));
}

TEST_F(Proxy, StreamsBothWaysAtTheSameTime) {
  std::string body(3'000'000, 'x');
  std::string answer =
      talk("POST /p/pour HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 3000000\r\n\r\n" + body,
           false);
  EXPECT_GT(answer.size(), body.size());
  EXPECT_EQ(count_of(answer, "x"), body.size());
  EXPECT_THAT(answer, EndsWith("0\r\n\r\n"));
  EXPECT_GT(talk("GET /p/big HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", false).size(), 5'000'000u);
}

TEST_F(Proxy, SendsTheHeadBeforeTheBodyIsThere) {
  struct Watcher {
    static net::task<> watch(uint16_t port, net::asio::any_io_executor executor, std::string& first,
                             std::string& all) {
      auto stream = co_await net::connect_tcp(executor, "127.0.0.1", port, 1s);
      co_await stream->write("GET /p/ticks HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
      char buffer[4096];
      first.assign(buffer, co_await stream->read_some(buffer));
      while (size_t count = co_await stream->read_some(buffer)) all.append(buffer, count);
    }
  };
  std::string first, all;
  run(Watcher::watch(port, loop.executor(), first, all));
  EXPECT_THAT(first, EndsWith("\r\n\r\n"));
  EXPECT_EQ(count_of(all, "tick;"), 3u);
}

TEST_F(Proxy, BreaksWhereTheBackendBreaks) {
  std::string answer = talk("GET /p/cut HTTP/1.1\r\nHost: h\r\n\r\n", false);
  EXPECT_THAT(answer, HasSubstr("part"));
  EXPECT_THAT(answer, Not(HasSubstr("0\r\n\r\n")));
}

TEST_F(Proxy, ReportsBackendErrors) {
  std::string answer = talk(
      "GET /dead/x HTTP/1.1\r\nHost: h\r\n\r\nGET /dead/x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
      false);
  EXPECT_EQ(count_of(answer, "HTTP/1.1 502 Bad Gateway"), 2u);
  EXPECT_THAT(answer, HasSubstr("BACKEND_CONNECTION_FAILED"));
  answer = talk("GET /p/never HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", false);
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 504 Gateway Timeout"));
  EXPECT_THAT(answer, HasSubstr("BACKEND_TIMEOUT"));
}

TEST_F(Proxy, AnswersBeforeTheWholeBodyIsThere) {
  // The caller sends half of its body and waits; the backend has refused already.
  std::string answer = talk(
      "POST /p/no HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n" + std::string(50000, 'x'), false);
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 413 "));
  EXPECT_THAT(answer, Not(HasSubstr("<broken>")));
  answer = talk(
      "POST /dead/no HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n" + std::string(50000, 'x'), false);
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 502 "));
  EXPECT_THAT(answer, Not(HasSubstr("<timeout>"))) << "the rest of the body is not waited for";
}

TEST_F(Proxy, TellsTheBackendThatTheCallerLeft) {
  struct Leaver {
    static net::task<> leave(Proxy& proxy) {
      {
        auto stream = co_await net::connect_tcp(proxy.loop.executor(), "127.0.0.1", proxy.port, 1s);
        co_await stream->write("GET /p/stream HTTP/1.1\r\nHost: h\r\n\r\n");
        char buffer[4096];
        co_await stream->read_some(buffer);
        EXPECT_EQ(proxy.backend_watch, 1);
      }
      while (proxy.backend_watch != 2) co_await net::sleep_for(5ms);
    }
    // The backend says nothing: only the hang-up itself can tell.
    static net::task<> leave_early(Proxy& proxy) {
      {
        auto stream = co_await net::connect_tcp(proxy.loop.executor(), "127.0.0.1", proxy.port, 1s);
        co_await stream->write("GET /p/never HTTP/1.1\r\nHost: h\r\n\r\n");
        co_await net::sleep_for(50ms);
        EXPECT_EQ(proxy.server->connections(), 1u);
      }
      auto start = std::chrono::steady_clock::now();
      while (proxy.server->connections() > 0) co_await net::sleep_for(5ms);
      EXPECT_LT(std::chrono::steady_clock::now() - start, 900ms) << "it waited for the response time";
    }
  };
  run(Leaver::leave(*this));
  run(Leaver::leave_early(*this));
}

TEST_F(Proxy, TunnelsAnUpgrade) {
  std::string answer = talk(
      "GET /p/shout HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, Upgrade\r\nUpgrade: "
      "shout\r\n\r\nearly;late");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 101 Switching Protocols\r\n"));
  EXPECT_THAT(answer, HasSubstr("Upgrade: shout\r\n"));
  EXPECT_THAT(answer, HasSubstr("Sec-X: y\r\n"));
  EXPECT_THAT(answer, EndsWith("\r\n\r\nhi:EARLY;LATEEND"));
  EXPECT_EQ(server->connections(), 0u);
}

TEST_F(Proxy, PassesARefusedUpgrade) {
  std::string answer = talk(
      "GET /p/describe HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: "
      "websocket\r\nSec-WebSocket-Key: k\r\n\r\n"
      "GET /p/describe HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
      false);
  EXPECT_THAT(answer, HasSubstr("Upgrade=websocket\n"));
  EXPECT_THAT(answer, HasSubstr("Sec-WebSocket-Key=k\n"));
  EXPECT_EQ(count_of(answer, "200 OK"), 2u);
}

TEST_F(Proxy, DropsTunnelsWhenTheServerStops) {
  struct Stop {
    static net::task<> run(World& world) {
      auto stream = co_await net::connect_tcp(world.loop.executor(), "127.0.0.1", world.port, 1s);
      co_await stream->write(
          "GET /p/shout HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: shout\r\n\r\n");
      char buffer[4096];
      co_await stream->read_some(buffer);
      co_await world.server->stop(50ms);
      EXPECT_EQ(world.server->connections(), 0u);
    }
  };
  run(Stop::run(*this));
}

}  // namespace
}  // namespace osb::http
