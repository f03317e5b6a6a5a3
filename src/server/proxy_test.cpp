// Relaying into a sandbox, against a real backend on the loopback.
#include <gmock/gmock.h>

#include "http/websocket.h"
#include "http/websocket_for_tests.h"
#include "server/server_fixture.h"

namespace osb::server {
namespace {

class ProxyTest : public ServerFixture {
 protected:
  void SetUp() override {
    ServerFixture::SetUp();
    auto listener = net::listen_tcp(loop_->executor(), "127.0.0.1", 0);
    backend_port_ = listener->port();
    backend_ = std::make_unique<http::Server>(
        loop_->executor(), [this](http::Request& q, http::ResponseWriter& r) { return answer(seen_, q, r); });
    backend_->serve(std::move(listener));
    id_ = create();
    base_ = "/v1/sandboxes/" + id_ + "/proxy/" + std::to_string(backend_port_);
  }
  void TearDown() override { backend_.reset(); }

  struct Seen {
    http::Request request;
    std::string body;
  };
  static net::task<> echo_messages(http::Request& request, http::ResponseWriter& response) {
    auto socket = co_await http::WebSocket::accept(request, response);
    while (auto message = co_await socket->receive()) {
      co_await socket->send(message->kind, message->payload);
      if (message->payload == "bye") socket->close(static_cast<http::CloseCode>(4001), "as agreed");
    }
    co_await socket->finish();
  }
  static net::task<> answer(Seen& seen, http::Request& request, http::ResponseWriter& response) {
    seen.body = co_await request.body->read_all();
    seen.request = request;
    if (request.path == "/ws") co_return co_await echo_messages(request, response);
    http::Response out{
        200, {{"Set-Cookie", "a=1"}, {"Set-Cookie", "b=2"}, {"Server", "inner"}}, "inner says hi"};
    out.headers.add("Access-Control-Allow-Origin", "inner");
    if (request.path == "/moved") {
      out.status = 302;
      out.headers.set("Location", "/there?x=1");
    }
    co_await response.send(std::move(out));
  }

  Seen seen_;
  std::unique_ptr<http::Server> backend_;
  uint16_t backend_port_ = 0;
  std::string id_;
  std::string base_;
};

TEST_F(ProxyTest, PassesPathQueryAndBodyUntouched) {
  Answer answer = call("POST", base_ + "/a%2Fb//c?x=%20&y&x=+", "the body");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "inner says hi");
  EXPECT_EQ(seen_.request.target, "/a%2Fb//c?x=%20&y&x=+");
  EXPECT_EQ(seen_.request.method, "POST");
  EXPECT_EQ(seen_.body, "the body");
  EXPECT_EQ(call("DELETE", base_).status, 200);
  EXPECT_EQ(seen_.request.target, "/");
}

TEST_F(ProxyTest, KeepsSecretsAndRebuildsForwardingHeaders) {
  call("GET", base_ + "/x", "",
       {{"OPEN-SANDBOX-API-KEY", "k"},
        {"Authorization", "b"},
        {"Cookie", "c"},
        {"X-Forwarded-For", "6.6.6.6"},
        {"X-Forwarded-Host", "evil"},
        {"X-Real-IP", "6.6.6.6"},
        {"Forwarded", "for=6.6.6.6"},
        {"OpenSandbox-Secure-Access", "s"},
        {"X-EXECD-ACCESS-TOKEN", "t"},
        {"OPENSANDBOX-EGRESS-AUTH", "e"},
        {"X-Own", "kept"}});
  const http::Headers& headers = seen_.request.headers;
  for (const char* name : {"OPEN-SANDBOX-API-KEY", "Authorization", "Cookie", "X-Real-IP", "Forwarded",
                           "OpenSandbox-Secure-Access"})
    EXPECT_FALSE(headers.has(name)) << name;
  EXPECT_EQ(headers.get("X-Forwarded-For"), "127.0.0.1");
  EXPECT_EQ(headers.get("X-Forwarded-Host"), "127.0.0.1:" + std::to_string(port_));
  EXPECT_EQ(headers.get("X-Forwarded-Proto"), "http");
  EXPECT_EQ(headers.get("X-EXECD-ACCESS-TOKEN"), "t");
  EXPECT_EQ(headers.get("OPENSANDBOX-EGRESS-AUTH"), "e");
  EXPECT_EQ(headers.get("X-Own"), "kept");
}

TEST_F(ProxyTest, NeverAddsTheTokenOfTheSandbox) {
  call("GET", base_ + "/x");
  EXPECT_FALSE(seen_.request.headers.has("X-EXECD-ACCESS-TOKEN"));
}

TEST_F(ProxyTest, CleansTheAnswer) {
  Answer answer = call("GET", base_ + "/x", "", {{"Origin", "http://a.example"}, {"X-Request-ID", "mine"}});
  std::vector<std::string> cookies;
  std::vector<std::string> origins;
  std::vector<std::string> ids;
  for (const auto& [name, value] : answer.headers) {
    if (http::equal_ignoring_case(name, "Set-Cookie")) cookies.push_back(value);
    if (http::equal_ignoring_case(name, "Access-Control-Allow-Origin")) origins.push_back(value);
    if (http::equal_ignoring_case(name, "X-Request-ID")) ids.push_back(value);
  }
  EXPECT_THAT(cookies, testing::ElementsAre("a=1", "b=2"));
  EXPECT_THAT(origins, testing::ElementsAre("*"));
  EXPECT_THAT(ids, testing::ElementsAre("mine"));
  EXPECT_FALSE(answer.headers.has("Server"));
}

TEST_F(ProxyTest, KeepsRedirectsUnderTheProxy) {
  Answer answer = call("GET", base_ + "/moved");
  EXPECT_EQ(answer.status, 302);
  EXPECT_EQ(answer.headers.get("Location"), base_ + "/there?x=1");
}

net::task<> converse(net::asio::any_io_executor executor, uint16_t port, std::string request) {
  auto peer = co_await http::WebSocketPeer::connect(executor, port, request);
  EXPECT_TRUE(peer->upgraded) << peer->head;
  if (!peer->upgraded) co_return;
  EXPECT_THAT(peer->head, testing::HasSubstr("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
  for (const std::string& text : {std::string(200000, 'x'), std::string("bye")}) {
    co_await peer->send(http::Opcode::binary, text);
    auto message = co_await peer->next();
    EXPECT_TRUE(message && message->kind == http::Opcode::binary && message->payload == text);
  }
  auto close = co_await peer->next();
  EXPECT_TRUE(close && static_cast<int>(close->close_code) == 4001 && close->payload == "as agreed");
  co_await peer->send(http::Opcode::close, http::close_payload(http::CloseCode::normal, ""));
  EXPECT_FALSE(co_await peer->next());
  EXPECT_FALSE(peer->timed_out);
}

TEST_F(ProxyTest, CarriesAWebSocketToItsEnd) {
  loop_->run_until_done(converse(
      loop_->executor(), port_,
      http::WebSocketPeer::request(base_ + "/ws?since=5",
                                   "Origin: http://a.example\r\nCookie: c\r\nX-EXECD-ACCESS-TOKEN: t\r\n")));
  EXPECT_EQ(seen_.request.target, "/ws?since=5");
  EXPECT_EQ(seen_.request.headers.get("X-EXECD-ACCESS-TOKEN"), "t");
  EXPECT_FALSE(seen_.request.headers.has("Cookie"));
}

TEST_F(ProxyTest, TellsWhenNothingListens) {
  backend_.reset();
  Answer answer = call("GET", base_ + "/x");
  EXPECT_EQ(answer.status, 502);
  EXPECT_EQ(answer.code(), "BACKEND_CONNECTION_FAILED");
}

TEST_F(ProxyTest, ChecksThePort) {
  EXPECT_EQ(call("GET", "/sandboxes/" + id_ + "/proxy/0/x").code(), "DOCKER::INVALID_PORT");
  EXPECT_EQ(call("GET", "/sandboxes/" + id_ + "/proxy/65536").code(), "DOCKER::INVALID_PORT");
  EXPECT_EQ(call("GET", "/sandboxes/" + id_ + "/proxy/abc").status, 422);
}

}  // namespace
}  // namespace osb::server
