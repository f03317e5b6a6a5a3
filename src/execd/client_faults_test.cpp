// Clients that stall inside a request, never read, or vanish without a word, against a daemon whose limits
// are short.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "execd/daemon_fixture.h"
#include "execd/process_for_tests.h"
#include "net/stream.h"

namespace osb::execd {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class ClientFaults : public DaemonTest {
 protected:
  ClientFaults() {
    options_.http.header_time = options_.http.body_idle_time = options_.http.write_idle_time =
        std::chrono::seconds(1);
    options_.http.unacknowledged_time = milliseconds(1000);
  }
  void begin() {
    start();
    run("true");
    before_ = open_descriptors();
  }
  // All is as before, and the next request works.
  void expect_nothing_left() {
    EXPECT_TRUE(wait_until([&] { return open_descriptors() <= before_ + 1; }))
        << open_descriptors() - before_;
    EXPECT_THAT(run("echo next"), ElementsAre("stdout:next\n", "execution_complete"));
  }
  static net::task<> send_part(ClientFaults* self, std::string bytes, std::unique_ptr<net::Stream>* out) {
    *out = co_await net::connect_tcp(self->loop_.executor(), "127.0.0.1", self->daemon_->port(),
                                     milliseconds(5000));
    co_await (*out)->write(bytes);
  }
  static net::task<> read_to_end(net::Stream* stream, std::string* out) {
    stream->set_read_deadline(milliseconds(20000));
    std::string buffer(4096, '\0');
    while (size_t n = co_await stream->read_some(buffer)) out->append(buffer, 0, n);
  }
  std::string answer_to_part(const std::string& bytes) {
    std::unique_ptr<net::Stream> stream;
    std::string out;
    loop_.run_until_done(send_part(this, bytes, &stream));
    loop_.run_until_done(read_to_end(stream.get(), &out));
    return out;
  }
  size_t before_ = 0;
};

TEST_F(ClientFaults, HalfAHeadAndHalfABody) {
  begin();
  EXPECT_THAT(answer_to_part("POST /command HTTP/1.1\r\nHost"), HasSubstr("REQUEST_TIMEOUT"));
  const std::string head = "X-EXECD-ACCESS-TOKEN: secret\r\nHost: x\r\nContent-Length: 1000\r\n";
  EXPECT_THAT(answer_to_part("POST /command HTTP/1.1\r\n" + head + "\r\n{\"command\":"), HasSubstr("408"));
  EXPECT_THAT(answer_to_part("POST /files/upload HTTP/1.1\r\n" + head +
                             "Content-Type: multipart/form-data; boundary=b\r\n\r\n--b\r\nContent-"),
              HasSubstr("408"));
  expect_nothing_left();
}

// The stream of a command whose client never reads is cut, and the command goes on.
TEST_F(ClientFaults, AReaderThatIsStuckIsDropped) {
  begin();
  std::unique_ptr<net::Stream> stream;
  std::string body = R"({"command":"head -c 60000000 /dev/zero | tr '\\0' x; sleep 0.1"})";
  loop_.run_until_done(
      send_part(this,
                "POST /command HTTP/1.1\r\nHost: x\r\nX-EXECD-ACCESS-TOKEN: secret\r\nContent-Length: " +
                    std::to_string(body.size()) + "\r\n\r\n" + body,
                &stream));
  // Its descriptors are this one, until we close it, and none of the daemon's.
  EXPECT_TRUE(wait_until([&] { return open_descriptors() <= before_ + 1; })) << open_descriptors() - before_;
  stream.reset();
  expect_nothing_left();
}

// A network of the test's own, whose only link can be cut.
class OwnNetwork {
 public:
  OwnNetwork() : before_(::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC)) {
    good_ = before_ && ::unshare(CLONE_NEWNET) == 0 && set_loopback(true);
  }
  ~OwnNetwork() { ::setns(before_.get(), CLONE_NEWNET); }
  explicit operator bool() const { return good_; }

 private:
  Fd before_;
  bool good_ = false;
};

// Ends a socket without telling the other side.
void vanish(int fd) {
  int on = 1;
  ASSERT_EQ(::setsockopt(fd, IPPROTO_TCP, TCP_REPAIR, &on, sizeof on), 0) << ::strerrordesc_np(errno);
}

TEST_F(ClientFaults, AMachineThatVanishesIsNoticed) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root for a network";
  OwnNetwork network;
  ASSERT_TRUE(network);
  options_.http.write_idle_time = std::chrono::minutes(5);
  begin();
  std::unique_ptr<net::Stream> stream;
  std::string body = R"({"command":"for i in $(seq 100000); do echo $i; sleep 0.02; done","timeout":30000})";
  loop_.run_until_done(
      send_part(this,
                "POST /command HTTP/1.1\r\nHost: x\r\nX-EXECD-ACCESS-TOKEN: secret\r\nContent-Length: " +
                    std::to_string(body.size()) + "\r\n\r\n" + body,
                &stream));
  std::string buffer(4096, '\0');
  auto read_once = [](net::Stream* stream, std::string* buffer) -> net::task<> {
    buffer->resize(co_await stream->read_some(*buffer));
  };
  loop_.run_until_done(read_once(stream.get(), &buffer));
  std::string id = execution_id(buffer.substr(buffer.find("{\"type\":\"init\"")));
  size_t with_client = open_descriptors();
  ASSERT_TRUE(set_loopback(false));
  vanish(stream->native_handle());
  stream.reset();
  EXPECT_TRUE(wait_until([&] { return open_descriptors() <= with_client - 2; })) << "ours, and the daemon's";
  ASSERT_TRUE(set_loopback(true));
  EXPECT_EQ(call(request("DELETE", "/command?id=" + id)).status, 200);
  expect_nothing_left();
}

}  // namespace
}  // namespace osb::execd
