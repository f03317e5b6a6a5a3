#include "execd/code/jupyter/zmtp_socket.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include "base/error.h"
#include "net/loop.h"

namespace osb::execd {
namespace {

using namespace std::string_literals;
using std::chrono::milliseconds;
using ::testing::ElementsAre;

class ZmtpSocketTest : public ::testing::Test {
 protected:
  ZmtpSocketTest() {
    int ends[2];
    check(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), "making sockets");
    peer_.reset(ends[0]);
    socket_ = std::make_unique<ZmtpSocket>(net::adopt_stream(loop_.executor(), non_blocking(Fd(ends[1]))),
                                           ZmtpType::dealer, "me");
  }
  void peer_sends(const std::string& bytes) {
    ASSERT_EQ(::write(peer_.get(), bytes.data(), bytes.size()), ssize_t(bytes.size()));
  }
  std::string peer_gets(size_t size) {
    std::string text(size, '\0');
    EXPECT_EQ(::recv(peer_.get(), text.data(), size, MSG_WAITALL), ssize_t(size));
    return text;
  }
  void shake() {
    peer_sends("\xff\0\0\0\0\0\0\0\x01\x7f\x03\x01NULL"s + std::string(48, '\0') +
               "\x04\x1c\x05READY\x0bSocket-Type\0\0\0\x06ROUTER"s);
    loop_.run_until_done(
        [](ZmtpSocket* s) -> net::task<> { co_await s->shake_hands(milliseconds(10'000)); }(socket_.get()));
    peer_gets(64 + 45);
  }
  std::string failure(net::task<> work) {
    std::string text = "none";
    loop_.run_until_done([](net::task<> inner, std::string& out) -> net::task<> {
      try {
        co_await std::move(inner);
      } catch (const Error& error) {
        out = to_string(error.code());
      }
    }(std::move(work), text));
    return text;
  }

  net::Loop loop_;
  Fd peer_;
  std::unique_ptr<ZmtpSocket> socket_;
};

TEST_F(ZmtpSocketTest, CarriesMessagesAndAnswersPings) {
  shake();
  peer_sends("\x04\x08\x04PING\x00\x10x"s + "\x01\x01"s + "a\x00\x01"s + "b");
  loop_.run_until_done([](ZmtpSocket* s) -> net::task<> {
    auto message = co_await s->receive();
    EXPECT_THAT(message->frames, ElementsAre("a", "b"));
    co_await s->send({"c", ""});
  }(socket_.get()));
  EXPECT_EQ(peer_gets(8 + 5), "\x04\x06\x04PONGx\x01\x01"s + "c\x00\x00"s);
  ::shutdown(peer_.get(), SHUT_WR);
  loop_.run_until_done(
      [](ZmtpSocket* s) -> net::task<> { EXPECT_FALSE(co_await s->receive()); }(socket_.get()));
}

TEST_F(ZmtpSocketTest, ASilentPeerIsATimeout) {
  EXPECT_EQ(failure(socket_->shake_hands(milliseconds(50))), "timeout");
}

TEST_F(ZmtpSocketTest, APeerThatLeavesDuringTheHandshake) {
  peer_.reset();
  EXPECT_EQ(failure(socket_->shake_hands(milliseconds(10'000))), "unavailable");
}

TEST_F(ZmtpSocketTest, CancelWakesEverybody) {
  shake();
  int failed = 0;
  auto count = [](net::task<> work, int* out) -> net::task<> {
    try {
      co_await std::move(work);
    } catch (const Error&) {
      ++*out;
    }
  };
  std::string big(10'000'000, 'x');
  auto receive = [](ZmtpSocket* s) -> net::task<> { co_await s->receive(); };
  net::spawn(loop_.executor(), "receive", count(receive(socket_.get()), &failed));
  net::spawn(loop_.executor(), "send", count(socket_->send({big}), &failed));
  net::spawn(loop_.executor(), "send", count(socket_->send({big}), &failed));  // waits for its turn
  auto pass = [&] {
    loop_.run_until_done([]() -> net::task<> { co_await net::sleep_for(milliseconds(20)); }());
  };
  pass();
  EXPECT_EQ(failed, 0);
  socket_->cancel();
  pass();
  EXPECT_EQ(failed, 3);
  EXPECT_EQ(failure(socket_->send({"late"})), "unavailable");
}

}  // namespace
}  // namespace osb::execd
