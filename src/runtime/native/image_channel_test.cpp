#include "runtime/native/image_channel.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <functional>
#include <thread>

#include "base/error.h"
#include "launcher/launcher_socket.h"
#include "net/loop.h"

namespace osb::runtime {
namespace {

using namespace std::chrono_literals;
using launcher::Reply;
using launcher::Request;

// The launcher's end, on a thread of its own.
class Peer {
 public:
  explicit Peer(Fd socket) : socket_(std::move(socket)) {}

  void say(launcher::ReplyBody body, uint64_t number) {
    std::string packet = encode(Reply{number, std::move(body)});
    EXPECT_GE(::send(socket_.get(), packet.data(), packet.size(), MSG_NOSIGNAL), 0);
  }
  void hello(uint32_t version = launcher::kProtocolVersion) { say(launcher::HelloEvent{version, "boot"}, 0); }
  // nullopt when the other end has closed.
  std::optional<Request> hear() {
    launcher::wait_readable(socket_.get(), 20'000);
    try {
      return launcher::decode_request(launcher::receive_packet(socket_.get()).value());
    } catch (const Error&) {
      return std::nullopt;
    }
  }

 private:
  Fd socket_;
};

struct Outcome {
  size_t pieces_taken = 0;
  bool wanted = true;
  std::optional<launcher::ReplyBody> reply;
  std::optional<Error> error;
};

class Channel : public testing::Test {
 protected:
  ~Channel() override {
    if (thread_.joinable()) thread_.join();
  }

  static net::task<> talk(Fd socket, size_t pieces, bool ends, ImageChannel::Limits limits, Outcome& out) {
    auto executor = co_await net::asio::this_coro::executor;
    try {
      ImageChannel channel(executor, std::move(socket), limits);
      co_await channel.open(launcher::StoreImageRequest{"name", true, 9});
      std::string bytes(launcher::kMaxPiece, 'b');
      for (; out.wanted && out.pieces_taken < pieces; ++out.pieces_taken)
        out.wanted = co_await channel.send(launcher::ArchivePiece{bytes});
      if (!ends) co_return;
      if (out.wanted) co_await channel.send(launcher::ArchiveEnd{});
      out.reply = co_await channel.reply();
    } catch (const Error& error) {
      out.error = error;
    }
  }
  Outcome run(std::function<void(Peer)> peer, size_t pieces, bool ends = true,
              ImageChannel::Limits limits = {20s, 20s}) {
    int pair[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    thread_ = std::thread([peer, end = pair[1]] { peer(Peer(Fd(end))); });
    Outcome out;
    loop_.run_until_done(talk(non_blocking(Fd(pair[0])), pieces, ends, limits, out));
    thread_.join();
    return out;
  }

  net::Loop loop_;
  std::thread thread_;
};

TEST_F(Channel, EveryPieceArrivesThoughTheOtherEndIsSlow) {
  size_t bytes = 0;
  bool ended = false;
  Outcome out = run(
      [&](Peer peer) {
        peer.hello();
        auto first = peer.hear();
        ASSERT_TRUE(first && std::holds_alternative<launcher::StoreImageRequest>(first->body));
        while (auto next = peer.hear()) {
          if (bytes == 0) std::this_thread::sleep_for(50ms);  // the socket fills
          auto* piece = std::get_if<launcher::ArchivePiece>(&next->body);
          if (!piece) {
            ended = std::holds_alternative<launcher::ArchiveEnd>(next->body);
            break;
          }
          bytes += piece->bytes.size();
        }
        peer.say(launcher::ImageReply{"name:latest", "today", 5}, first->number);
      },
      100);
  ASSERT_FALSE(out.error) << out.error->message();
  EXPECT_EQ(bytes, 100 * launcher::kMaxPiece);
  EXPECT_TRUE(ended);
  EXPECT_EQ(std::get<launcher::ImageReply>(*out.reply).name, "name:latest");
}

TEST_F(Channel, ARefusalStopsTheSender) {
  Outcome out = run(
      [](Peer peer) {
        peer.hello();
        peer.hear();
        peer.hear();
        peer.say(launcher::ErrorReply{ErrorCode::invalid, "no tar"}, 1);
        while (peer.hear()) {}
      },
      100'000);
  EXPECT_FALSE(out.wanted);
  EXPECT_LT(out.pieces_taken, 100'000u);
  ASSERT_TRUE(out.error);
  EXPECT_EQ(out.error->code(), ErrorCode::invalid);
  EXPECT_EQ(out.error->message(), "no tar");
}

// The end that answers closes with bytes unread, which resets the connection.
TEST_F(Channel, ARefusalIsReadFromAConnectionThatWasReset) {
  Outcome out = run(
      [](Peer peer) {
        peer.hello();
        peer.hear();
        std::this_thread::sleep_for(50ms);
        peer.say(launcher::ErrorReply{ErrorCode::exhausted, "full"}, 1);
      },
      100'000);
  ASSERT_TRUE(out.error);
  EXPECT_EQ(out.error->code(), ErrorCode::exhausted) << out.error->message();
}

TEST_F(Channel, LeavingItClosesTheConnectionAtOnce) {
  bool closed = false;
  Outcome out = run(
      [&](Peer peer) {
        peer.hello();
        while (auto next = peer.hear())
          EXPECT_FALSE(std::holds_alternative<launcher::ArchiveEnd>(next->body));
        closed = true;
      },
      3, false);
  EXPECT_FALSE(out.error);
  EXPECT_TRUE(closed);
}

TEST_F(Channel, ADeadLauncherIsUnavailable) {
  for (bool greeted : {false, true}) {
    Outcome out = run(
        [greeted](Peer peer) {
          if (!greeted) return;
          peer.hello();
          peer.hear();
        },
        100'000);
    ASSERT_TRUE(out.error);
    EXPECT_EQ(out.error->code(), ErrorCode::unavailable) << out.error->message();
  }
}

TEST_F(Channel, AnOlderLauncherIsUnsupported) {
  Outcome out = run([](Peer peer) { peer.hello(1); }, 1);
  ASSERT_TRUE(out.error);
  EXPECT_EQ(out.error->code(), ErrorCode::unsupported);
}

TEST_F(Channel, EveryStepHasALimit) {
  auto until_closed = [](Peer& peer) {
    while (peer.hear()) {}
  };
  // No greeting; no room for a piece (it never reads); no reply.
  Outcome silent = run([&](Peer peer) { until_closed(peer); }, 1, true, {30ms, 20s});
  ASSERT_TRUE(silent.error);
  EXPECT_EQ(silent.error->code(), ErrorCode::timeout);
  Outcome stuck = run(
      [](Peer peer) {
        peer.hello();
        std::this_thread::sleep_for(400ms);
      },
      100'000, true, {20s, 60ms});
  ASSERT_TRUE(stuck.error);
  EXPECT_EQ(stuck.error->code(), ErrorCode::timeout) << stuck.error->message();
  Outcome mute = run(
      [&](Peer peer) {
        peer.hello();
        until_closed(peer);
      },
      1, true, {20s, 30ms});
  ASSERT_TRUE(mute.error);
  EXPECT_EQ(mute.error->code(), ErrorCode::timeout) << mute.error->message();
}

}  // namespace
}  // namespace osb::runtime
