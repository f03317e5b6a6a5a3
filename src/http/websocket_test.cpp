// A WebSocket between a real server and a client that may misbehave.
#include "http/websocket.h"

#include <gmock/gmock.h>

#include "http/websocket_for_tests.h"
#include "http/world_for_tests.h"

namespace osb::http {
namespace {

using namespace std::string_literals;
using std::chrono::milliseconds;
using testing::HasSubstr;
using testing::StartsWith;

class WebSocketTest : public ::testing::Test {
 protected:
  WebSocketTest() {
    world_.router.add("GET", "/echo", [this](Request& q, ResponseWriter& r) { return echo(this, q, r); });
    world_.router.add("GET", "/flood", [this](Request& q, ResponseWriter& r) { return flood(this, q, r); });
  }

  static net::task<> echo(WebSocketTest* self, Request& request, ResponseWriter& response) {
    auto socket = co_await WebSocket::accept(request, response, self->options_);
    while (auto message = co_await socket->receive()) {
      if (message->payload == "close 4001") {
        socket->close(static_cast<CloseCode>(4001), "as you wish");
      } else if (message->payload == "drop") {
        socket->drop();
      } else {
        co_await socket->send(message->kind, message->payload);
      }
    }
    co_await socket->finish();
    self->ended_++;
  }

  // Sends flood_bytes_ in pieces, then closes.
  static net::task<> flood(WebSocketTest* self, Request& request, ResponseWriter& response) {
    auto socket = co_await WebSocket::accept(request, response, self->options_);
    std::string failure;
    try {
      for (size_t sent = 0; sent < self->flood_bytes_; sent += 32768) {
        co_await socket->send(Opcode::binary, std::string(32768, 'x'));
        self->sent_ = sent;
      }
      socket->close(CloseCode::normal, "that was all");
    } catch (const Error& error) {
      failure = error.message();
    }
    self->failure_ = failure;
    co_await socket->finish();
    self->ended_++;
  }

  // Runs a conversation: a coroutine function of a connected peer and `more`.
  template <class Talk, class... More>
  void with_peer(const std::string& target, Talk talk, More... more) {
    world_.run(run_talk(&world_, target, talk, more...));
  }
  template <class Talk, class... More>
  static net::task<> run_talk(World* world, std::string target, Talk talk, More... more) {
    auto peer =
        co_await WebSocketPeer::connect(world->loop.executor(), world->port, WebSocketPeer::request(target));
    EXPECT_TRUE(peer->upgraded) << peer->head;
    if (peer->upgraded) co_await talk(*peer, more...);
  }

  std::string handshake(const std::string& text) {
    std::string head;
    auto talk = [](World* world, std::string request, std::string* out) -> net::task<> {
      auto peer = co_await WebSocketPeer::connect(world->loop.executor(), world->port, request);
      *out = peer->head;
    };
    world_.run(talk(&world_, text, &head));
    return head;
  }

  bool wait_until(auto condition) {
    for (int i = 0; i < 2000 && !condition(); i++) world_.run(net::sleep_for(milliseconds(5)));
    return condition();
  }

  World world_;
  WebSocketOptions options_;
  size_t flood_bytes_ = 0;
  size_t sent_ = 0;
  int ended_ = 0;
  std::string failure_;
};

TEST_F(WebSocketTest, AnswersTheHandshake) {
  EXPECT_EQ(handshake(WebSocketPeer::request("/echo")),
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n");
}

TEST_F(WebSocketTest, RefusesBadHandshakes) {
  auto without = [](const std::string& line) {
    std::string text = WebSocketPeer::request("/echo");
    return text.erase(text.find(line), line.size());
  };
  auto with = [](const std::string& from, const std::string& to) {
    std::string text = WebSocketPeer::request("/echo");
    return text.replace(text.find(from), from.size(), to);
  };
  for (const std::string& text : {
           without("Upgrade: websocket\r\n"),
           without("Connection: keep-alive, Upgrade\r\n"),
           without("Sec-WebSocket-Version: 13\r\n"),
           with("Version: 13", "Version: 8"),
           with(WebSocketPeer::kKey, ""),
           with(WebSocketPeer::kKey, "short"),
           with(WebSocketPeer::kKey, "dGhlIHNhbXBsZSBub25jZ!=="),
           with("Host: x\r\n", "Host: x\r\nContent-Length: 2\r\n") + "hi",
       })
    EXPECT_THAT(handshake(text), StartsWith("HTTP/1.1 400 ")) << text;
}

TEST_F(WebSocketTest, EchoesMessagesOfEverySize) {
  with_peer("/echo", [](WebSocketPeer& peer) -> net::task<> {
    for (size_t size : {0, 1, 125, 126, 65535, 65536, 1024 * 1024}) {
      co_await peer.send(Opcode::binary, std::string(size, 'b'));
      auto message = co_await peer.next();
      EXPECT_TRUE(message && message->kind == Opcode::binary && message->payload == std::string(size, 'b'));
    }
    co_await peer.send(Opcode::text, "a", false);
    co_await peer.send(Opcode::ping, "in between");
    co_await peer.send(Opcode::continuation, "b");
    auto pong = co_await peer.next();
    EXPECT_TRUE(pong && pong->kind == Opcode::pong && pong->payload == "in between");
    auto message = co_await peer.next();
    EXPECT_TRUE(message && message->kind == Opcode::text && message->payload == "ab");
  });
}

TEST_F(WebSocketTest, BytesBehindTheHandshakeAreTheFirstFrame) {
  auto talk = [](World* world) -> net::task<> {
    std::string text = WebSocketPeer::request("/echo");
    append_frame(text, Opcode::text, "early", 7);
    auto peer = co_await WebSocketPeer::connect(world->loop.executor(), world->port, text);
    auto message = co_await peer->next();
    EXPECT_TRUE(message && message->payload == "early");
  };
  world_.run(talk(&world_));
}

TEST_F(WebSocketTest, ThePeersCloseIsEchoedAndTheConnectionEnds) {
  with_peer("/echo", [](WebSocketPeer& peer) -> net::task<> {
    co_await peer.send(Opcode::close, close_payload(CloseCode::normal, "bye"));
    auto message = co_await peer.next();
    EXPECT_TRUE(message && message->kind == Opcode::close && message->close_code == CloseCode::normal);
    EXPECT_FALSE(co_await peer.next());
    EXPECT_FALSE(peer.timed_out);
  });
  EXPECT_TRUE(wait_until([&] { return ended_ == 1; }));
}

TEST_F(WebSocketTest, OurCloseWaitsForThePeers) {
  with_peer("/echo", [](WebSocketPeer& peer) -> net::task<> {
    co_await peer.send(Opcode::text, "close 4001");
    co_await peer.send(Opcode::text, "too late");
    auto message = co_await peer.next();
    EXPECT_TRUE(message && message->kind == Opcode::close && message->payload == "as you wish");
    EXPECT_EQ(static_cast<int>(message->close_code), 4001);
    co_await peer.send(Opcode::close, close_payload(message->close_code, ""));
    EXPECT_FALSE(co_await peer.next());
  });
  EXPECT_TRUE(wait_until([&] { return ended_ == 1; }));
}

TEST_F(WebSocketTest, APeerThatNeverAnswersOurCloseIsDropped) {
  options_.close_time = milliseconds(50);
  with_peer("/echo", [](WebSocketPeer& peer) -> net::task<> {
    co_await peer.send(Opcode::text, "close 4001");
    EXPECT_TRUE(co_await peer.next());
    EXPECT_FALSE(co_await peer.next());
    EXPECT_FALSE(peer.timed_out);
  });
  EXPECT_TRUE(wait_until([&] { return ended_ == 1; }));
}

net::task<> is_told(WebSocketPeer& peer, std::string bytes, CloseCode code) {
  co_await peer.send_bytes(bytes);
  auto message = co_await peer.next();
  EXPECT_TRUE(message && message->kind == Opcode::close && message->close_code == code);
  peer.stream->shutdown_write();
  EXPECT_FALSE(co_await peer.next());
}

TEST_F(WebSocketTest, TellsWhatIsWrong) {
  options_.message_bytes = 1000;
  const std::pair<std::string, CloseCode> cases[] = {
      {"\x83\x80____"s, CloseCode::protocol_error},
      {"\x81\x05Hello"s, CloseCode::protocol_error},  // no mask
      {"\x81\x81\x01\x01\x01\x01\xfe"s, CloseCode::bad_text},
      {"\x82\xfe\x03\xe9____"s, CloseCode::too_large},
      {"\x82\xff\x00\x00\x00\x7f\xff\xff\xff\xff____"s, CloseCode::too_large},
  };
  for (const auto& [wire, code] : cases) {
    // What follows must not destroy the answer.
    std::string bytes = wire + std::string(300000, 'z');
    with_peer("/echo", is_told, bytes, code);
  }
  EXPECT_TRUE(wait_until([&] { return ended_ == 5; }));
}

TEST_F(WebSocketTest, APeerThatLeavesInsideAFrameEndsTheHandler) {
  with_peer("/echo", [](WebSocketPeer& peer) -> net::task<> {
    co_await peer.send_bytes("\x82\xfe\x03\xe9____half"s);
    peer.stream->close();
  });
  EXPECT_TRUE(wait_until([&] { return ended_ == 1 && world_.server->connections() == 0; }));
}

TEST_F(WebSocketTest, DropEndsAtOnce) {
  with_peer("/echo", [](WebSocketPeer& peer) -> net::task<> {
    co_await peer.send(Opcode::text, "drop");
    EXPECT_FALSE(co_await peer.next());
  });
  EXPECT_TRUE(wait_until([&] { return ended_ == 1; }));
}

TEST_F(WebSocketTest, PingsAndGivesUpASilentPeer) {
  options_.ping_every = milliseconds(20);
  options_.idle_time = milliseconds(300);
  options_.close_time = milliseconds(50);
  with_peer("/echo", [](WebSocketPeer& peer) -> net::task<> {
    for (int i = 0; i < 30; i++) {  // twice the idle time, kept alive by pongs alone
      auto message = co_await peer.next();
      EXPECT_TRUE(message && message->kind == Opcode::ping);
      co_await peer.send(Opcode::pong, "");
    }
    std::optional<WebSocketMessage> message;
    do message = co_await peer.next();
    while (message && message->kind == Opcode::ping);
    EXPECT_TRUE(message && message->close_code == CloseCode::going_away);
    EXPECT_FALSE(co_await peer.next());
  });
  EXPECT_TRUE(wait_until([&] { return ended_ == 1; }));
}

TEST_F(WebSocketTest, PongsDoNotPileUp) {
  with_peer("/echo", [](WebSocketPeer& peer) -> net::task<> {
    std::string pings;
    for (int i = 0; i < 20000; i++) append_frame(pings, Opcode::ping, std::to_string(i), 5);
    co_await peer.send_bytes(pings);
    co_await peer.send(Opcode::text, "end");
    std::string last_pong;
    while (auto message = co_await peer.next()) {
      if (message->kind == Opcode::text) break;
      last_pong = message->payload;
    }
    EXPECT_EQ(last_pong, "19999");
  });
}

net::task<> read_slowly(WebSocketPeer& peer, size_t expected, const size_t* sent) {
  co_await net::sleep_for(milliseconds(300));
  EXPECT_LT(*sent, expected - 32768) << "the writer was not held back";
  uint64_t received = 0;
  std::optional<WebSocketMessage> message;
  while ((message = co_await peer.next()) && message->kind == Opcode::binary) {
    received += message->payload.size();
    if (received % (1 << 20) == 0) co_await net::sleep_for(milliseconds(20));
  }
  EXPECT_EQ(received, expected);
  EXPECT_TRUE(message && message->close_code == CloseCode::normal && message->payload == "that was all");
  co_await peer.send(Opcode::close, close_payload(CloseCode::normal, ""));
}

// The whole of a large output arrives although the reader starts late, is slow, and our Close has long been
// written into the kernel's buffer.
TEST_F(WebSocketTest, ASlowReaderLosesNothing) {
  flood_bytes_ = 8 << 20;
  options_.close_time = milliseconds(200);
  with_peer("/flood", read_slowly, flood_bytes_, &sent_);
  EXPECT_TRUE(wait_until([&] { return ended_ == 1; }));
  EXPECT_EQ(failure_, "");
}

net::task<> await_failure(WebSocketPeer&, const std::string* failure) {
  for (int i = 0; i < 2000 && failure->empty(); i++) co_await net::sleep_for(milliseconds(5));
}

TEST_F(WebSocketTest, APeerThatTakesNothingIsDropped) {
  flood_bytes_ = 64 << 20;
  options_.write_time = milliseconds(100);
  with_peer("/flood", await_failure, &failure_);
  EXPECT_THAT(failure_, HasSubstr("deadline"));
}

}  // namespace
}  // namespace osb::http
