// A real daemon with a little web server behind it, as a client sees them.
#include "execd/port_proxy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include "execd/daemon.h"
#include "net/loop.h"
#include "net/timer.h"

namespace osb::execd {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

TEST(ProxiedPath, PortAndRawRest) {
  EXPECT_EQ(parse_proxied_path("/8080/a%2Fb//c/").port, 8080);
  EXPECT_EQ(parse_proxied_path("/8080/a%2Fb//c/").path, "/a%2Fb//c/");
  EXPECT_EQ(parse_proxied_path("/1").path, "/");
  EXPECT_EQ(parse_proxied_path("/65535//x/../y").path, "//x/../y");
}

TEST(ProxiedPath, RefusesWhatIsNoPort) {
  auto code = [](std::string_view rest) {
    try {
      parse_proxied_path(rest);
      return std::string("none");
    } catch (const Error& error) {
      return error.wire();
    }
  };
  for (const char* rest : {"", "/", "//x"}) EXPECT_EQ(code(rest), "MISSING_QUERY") << rest;
  for (const char* rest :
       {"/0", "/65536", "/-1", "/+80", "/80a", "/a", "/ 80", "/80%30", "/99999999999999", "/8 0/x"})
    EXPECT_EQ(code(rest), "INVALID_REQUEST_BODY") << rest;
}

TEST(ForwardedFor, FirstKnownHopAndThenThePeer) {
  EXPECT_EQ(forwarded_for({}, "10.0.0.9"), "10.0.0.9");
  EXPECT_EQ(forwarded_for({{"X-Forwarded-For", "1.2.3.4, 5.6.7.8"}}, "10.0.0.9"), "1.2.3.4, 10.0.0.9");
  EXPECT_EQ(forwarded_for({{"X-Forwarded-For", "evil\", 5.6.7.8"}, {"X-Real-IP", "9.9.9.9"}}, "10.0.0.9"),
            "9.9.9.9, 10.0.0.9");
  EXPECT_EQ(forwarded_for({{"X-Real-IP", "::1"}}, "::2"), "::1, ::2");
}

net::task<> describe(http::Request& request, http::ResponseWriter& response) {
  std::string text = request.method + " " + request.target + "\n";
  for (const auto& [name, value] : request.headers) text += name + "=" + value + "\n";
  text += co_await request.body->read_all();
  co_await response.send({.headers = {{"Location", "/login"}, {"X-App", "1"}}, .body = text});
}

net::task<> ticks(http::Request&, http::ResponseWriter& response, net::Event& go) {
  response.start(200, {{"Content-Type", "text/event-stream"}});
  co_await response.write("data: 1\n\n");
  co_await go.wait();  // the second event only when the first one has arrived
  co_await response.finish("data: 2\n\n");
}

// Echoes the payload of masked WebSocket frames of less than 126 bytes.
net::task<> echo_frames(http::Request& request, http::ResponseWriter& response) {
  std::string input;
  auto stream = response.upgrade(input);
  co_await stream->write(
      "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX-Token: " +
      std::string(request.headers.get("X-EXECD-ACCESS-TOKEN", "none")) + "\r\n\r\n");
  char buffer[4096];
  while (size_t n = co_await stream->read_some(buffer)) {
    input.append(buffer, n);
    while (input.size() >= 6 && input.size() >= 6 + static_cast<size_t>(input[1] & 127)) {
      size_t length = static_cast<size_t>(input[1] & 127);
      std::string out = {input[0], static_cast<char>(length)};
      for (size_t i = 0; i < length; ++i) out += static_cast<char>(input[6 + i] ^ input[2 + i % 4]);
      input.erase(0, 6 + length);
      co_await stream->write(out);
    }
  }
}

class PortProxyTest : public ::testing::Test {
 protected:
  PortProxyTest() : reaper_(loop_.executor()), client_(loop_.executor()), go_(loop_.executor()) {
    ::signal(SIGPIPE, SIG_IGN);
    backend_ = std::make_unique<http::Server>(
        loop_.executor(), [this](http::Request& request, http::ResponseWriter& response) -> net::task<> {
          if (request.path == "/ticks") return ticks(request, response, go_);
          return request.path == "/ws" ? echo_frames(request, response) : describe(request, response);
        });
    backend_port_ = serve("127.0.0.1", *backend_);
    DaemonOptions options;
    options.addresses = {"127.0.0.1"};
    options.port = 0;
    options.token = "secret";
    options.commands.environment = {{"PATH", "/usr/bin:/bin"}};
    daemon_ = std::make_unique<Daemon>(loop_.executor(), reaper_, std::move(options));
    daemon_->listen();
  }
  uint16_t serve(const std::string& address, http::Server& server) {
    auto listener = net::listen_tcp(loop_.executor(), address, 0);
    uint16_t port = listener->port();
    server.serve(std::move(listener));
    return port;
  }
  std::string at(const std::string& path) { return "/proxy/" + std::to_string(backend_port_) + path; }

  static net::task<> send(PortProxyTest* self, http::ClientRequest request, http::Response* out) {
    if (!self->token_.empty()) request.headers.set("X-EXECD-ACCESS-TOKEN", self->token_);
    auto answer = co_await self->client_.send({"127.0.0.1", self->daemon_->port(), {}}, std::move(request));
    out->status = answer->status();
    out->headers = answer->headers();
    out->body = co_await answer->read_all(1 << 20);
  }
  http::Response call(http::ClientRequest request) {
    http::Response out;
    loop_.run_until_done(send(this, std::move(request), &out));
    return out;
  }
  http::Response get(const std::string& target) { return call({.target = target}); }

  net::Loop loop_;
  Reaper reaper_;
  http::Client client_;
  net::Event go_;
  std::unique_ptr<http::Server> backend_;
  std::unique_ptr<Daemon> daemon_;
  uint16_t backend_port_ = 0;
  std::string token_ = "secret";
};

TEST_F(PortProxyTest, PathAndQueryArriveByteForByte) {
  for (const char* path : {"/a%2Fb?x=%20+1&y", "//a/../b/", "/", "/a/b/?", "/%e4%00?%zz"})
    EXPECT_THAT(get(at(path)).body, StartsWith("GET " + std::string(path) + "\n"));
  EXPECT_THAT(get(at("")).body, StartsWith("GET /\n"));
}

TEST_F(PortProxyTest, MethodsAndBodiesPass) {
  http::Response answer = call({.method = "PATCH", .target = at("/x"), .body = std::string(100000, 'b')});
  EXPECT_THAT(answer.body, StartsWith("PATCH /x\n"));
  EXPECT_THAT(answer.body, ::testing::EndsWith(std::string(100000, 'b')));
  EXPECT_EQ(answer.headers.get("X-App"), "1");
  EXPECT_EQ(answer.headers.get("Location"), at("/login"));
}

TEST_F(PortProxyTest, SecretsOfThePlatformStayThoseOfTheProgramPass) {
  http::ClientRequest request{.target = at("/x")};
  request.headers = {{"Host", "app.example:81"},
                     {"Authorization", "Bearer app"},
                     {"Cookie", "c=1"},
                     {"OPEN-SANDBOX-API-KEY", "key-secret"},
                     {"X-Forwarded-Host", "evil"},
                     {"X-Forwarded-For", "1.2.3.4, 6.6.6.6"},
                     {"X-Forwarded-Proto", "https"},
                     {"OpenSandbox-Secure-Access", "sa-secret"}};
  std::string seen = call(std::move(request)).body;
  EXPECT_THAT(seen, HasSubstr("Host=app.example:81\n"));
  EXPECT_THAT(seen, HasSubstr("Authorization=Bearer app\n"));
  EXPECT_THAT(seen, HasSubstr("Cookie=c=1\n"));
  EXPECT_THAT(seen, HasSubstr("X-Forwarded-For=1.2.3.4, 127.0.0.1\n"));
  EXPECT_THAT(seen, HasSubstr("X-Forwarded-Proto=https\n"));
  for (const char* absent : {"secret", "X-EXECD", "X-Forwarded-Host", "evil", "6.6.6.6"})
    EXPECT_THAT(seen, Not(HasSubstr(absent)));
}

TEST_F(PortProxyTest, RefusalsAreTyped) {
  auto refusal = [&](const std::string& target) {
    http::Response answer = get(target);
    return std::to_string(answer.status) + " " + std::string(json::parse(answer.body).at("code").as_string());
  };
  EXPECT_EQ(refusal("/proxy/1/x"), "502 BACKEND_CONNECTION_FAILED");
  EXPECT_EQ(refusal("/proxy/99999/x"), "400 INVALID_REQUEST_BODY");
  EXPECT_EQ(refusal("/proxy/"), "400 MISSING_QUERY");
  std::string own = std::to_string(daemon_->port());
  EXPECT_EQ(refusal("/proxy/" + own + "/proxy/" + own + "/ping"), "400 INVALID_REQUEST_BODY");
  token_.clear();
  EXPECT_EQ(refusal(at("/x")), "401 UNAUTHORIZED");
}

TEST_F(PortProxyTest, ReachesProgramsThatListenOnIpv6Alone) {
  http::Server six(loop_.executor(), describe);
  try {
    backend_port_ = serve("::1", six);
  } catch (const Error&) {
    GTEST_SKIP() << "no IPv6 here";
  }
  EXPECT_THAT(get(at("/six")).body, StartsWith("GET /six\n"));
}

net::task<> read_stream(http::Client* client, uint16_t port, std::string target, net::Event* go,
                        std::string* all) {
  http::ClientRequest request{.target = std::move(target)};
  request.headers = {{"X-EXECD-ACCESS-TOKEN", "secret"}};
  auto answer = co_await client->send({"127.0.0.1", port, {}}, std::move(request));
  char buffer[4096];
  size_t n = co_await answer->read_some(buffer);
  all->append(buffer, n).append("|");
  go->notify();
  while ((n = co_await answer->read_some(buffer)) > 0) all->append(buffer, n);
}

TEST_F(PortProxyTest, EventsOfAStreamAreNotHeldBack) {
  std::string all;
  loop_.run_until_done(read_stream(&client_, daemon_->port(), at("/ticks"), &go_, &all));
  EXPECT_EQ(all, "data: 1\n\n|data: 2\n\n");
}

std::string masked(std::string_view text) {
  std::string out = {'\x81', static_cast<char>(0x80 | text.size()), 1, 2, 3, 4};
  for (size_t i = 0; i < text.size(); ++i) out += static_cast<char>(text[i] ^ (1 + i % 4));
  return out;
}

net::task<> read_until(net::Stream* stream, std::string_view end, std::string* answer) {
  char buffer[4096];
  while (answer->find(end) == std::string::npos) {
    size_t n = co_await stream->read_some(buffer);
    if (n == 0) co_return;
    answer->append(buffer, n);
  }
}

net::task<> say_three_words(net::Loop* loop, uint16_t port, std::string head, std::string* answer) {
  auto stream = co_await net::connect_tcp(loop->executor(), "127.0.0.1", port, milliseconds(5000));
  stream->set_read_deadline(milliseconds(10000));
  co_await stream->write(head + masked("early"));  // with the head: what is read ahead is not lost
  co_await read_until(stream.get(), "early", answer);
  for (const char* word : {"one", "two"}) {
    co_await stream->write(masked(word));
    co_await read_until(stream.get(), word, answer);
  }
}

TEST_F(PortProxyTest, WebSocketFramesGoThroughTheTunnel) {
  std::string answer;
  loop_.run_until_done(
      say_three_words(&loop_, daemon_->port(),
                      "GET " + at("/ws") +
                          " HTTP/1.1\r\nHost: x\r\nX-EXECD-ACCESS-TOKEN: secret\r\nConnection: Upgrade\r\n"
                          "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\r\n",
                      &answer));
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 101"));
  EXPECT_THAT(answer, HasSubstr("X-Token: none\r\n"));
  EXPECT_THAT(answer, ::testing::EndsWith(std::string("\x81\x05") + "early\x81\x03" + "one\x81\x03" + "two"));
}

TEST_F(PortProxyTest, ConnectionsToTheProgramAreKept) {
  std::string port = std::to_string(backend_port_);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(get(at("/x")).status, 200);
  EXPECT_LE(backend_->connections(), 1u);
}

}  // namespace
}  // namespace osb::execd
