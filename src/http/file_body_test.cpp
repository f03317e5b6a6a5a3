// Bytes of files as the body of an answer.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include "http/world_for_tests.h"

namespace osb::http {
namespace {

using namespace std::chrono_literals;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

net::task<> at_once(std::function<void()> work) {
  work();
  co_return;
}

struct FileBody : World, testing::Test {
  FileBody() : FileBody(ServerOptions{}) {}
  explicit FileBody(ServerOptions options) : World(std::move(options)) {
    ::signal(SIGPIPE, SIG_IGN);
    file = std::make_shared<Fd>(check(::memfd_create("body", MFD_CLOEXEC), "making a file"));
    check(::pwrite(file->get(), "0123456789", 10, 0), "writing");
    // /part/OFFSET/LENGTH/PROMISED; no promise: chunked
    router.add("*", "/part/{}/{}/{}",
               [this](Request& request, ResponseWriter& response) { return part(file, request, response); });
  }

  static net::task<> part(std::shared_ptr<Fd> file, Request& request, ResponseWriter& response) {
    std::string promised(request.parameter(2));
    response.start(200, promised == "-" ? Headers{} : Headers{{"Content-Length", promised}});
    net::FileRegion region{file, std::stoull(request.parameters[0]), std::stoull(request.parameters[1])};
    co_await response.write_file(region, at_once);
    co_await response.finish();
  }
  static std::string get(const std::string& path, const std::string& method = "GET") {
    return method + " " + path + " HTTP/1.1\r\nHost: h\r\n\r\n";
  }

  std::shared_ptr<Fd> file;
};

TEST_F(FileBody, IsThePartThatWasAskedFor) {
  std::string answer = talk(get("/part/3/5/5") + get("/part/0/0/0") + get("/part/9/1/1"));
  EXPECT_EQ(count_of(answer, "200 OK"), 3u);
  EXPECT_THAT(answer, HasSubstr("\r\n\r\n34567HTTP/1.1"));
  EXPECT_THAT(answer, EndsWith("\r\n\r\n9"));
}

TEST_F(FileBody, IsLeftOutForHead) {
  std::string answer = talk(get("/part/3/5/5", "HEAD") + get("/part/0/1/1"));
  EXPECT_EQ(count_of(answer, "200 OK"), 2u);
  EXPECT_THAT(answer, HasSubstr("Content-Length: 5\r\n"));
  EXPECT_THAT(answer, Not(HasSubstr("34567")));
  EXPECT_THAT(answer, EndsWith("\r\n\r\n0"));
}

TEST_F(FileBody, OfAFileThatShrankCutsTheConnection) {
  std::string answer = talk(get("/part/5/20/20") + get("/part/0/1/1"));
  EXPECT_EQ(count_of(answer, "200 OK"), 1u) << "nothing may follow that could be taken for the rest";
  EXPECT_THAT(answer, HasSubstr("\r\n\r\n56789"));
}

TEST_F(FileBody, NeverExceedsTheLengthThatWasPromised) {
  std::string answer = talk(get("/part/0/6/5"));
  EXPECT_THAT(answer, Not(HasSubstr("\r\n\r\n0")));
  answer = talk(get("/part/0/4/5") + get("/part/0/1/1"));
  EXPECT_EQ(count_of(answer, "200 OK"), 1u) << "nor falls short of it";
}

TEST_F(FileBody, NeedsAPromise) {
  std::string answer = talk(get("/part/0/5/-"));
  EXPECT_THAT(answer, Not(HasSubstr("01234")));
  EXPECT_THAT(answer, Not(HasSubstr("0\r\n\r\n")));
}

ServerOptions impatient() {
  ServerOptions options;
  options.limits.write_idle_time = std::chrono::seconds(2);
  return options;
}
struct SlowReader : FileBody {
  SlowReader() : FileBody(impatient()) {
    check(::ftruncate(file->get(), kSize), "making it longer");
    target = "/part/0/" + std::to_string(kSize) + "/" + std::to_string(kSize);
  }

  // Takes the answer with a pause after each read.
  static net::task<> read(net::Stream& stream, std::chrono::milliseconds pause, size_t& taken) {
    std::vector<char> buffer(1 << 20);
    while (size_t n = co_await stream.read_some(buffer)) {
      taken += n;
      if (taken > kSize) break;
      if (pause.count() > 0) co_await net::sleep_for(pause);
    }
  }
  static net::task<> attentive(World& world, std::string target, size_t& taken) {
    auto stream = co_await net::connect_tcp(world.loop.executor(), "127.0.0.1", world.port, 1s);
    co_await stream->write(get(target));
    co_await read(*stream, 10ms, taken);
  }
  static net::task<> deaf(World& world, std::string target, size_t& taken) {
    auto stream = co_await net::connect_tcp(world.loop.executor(), "127.0.0.1", world.port, 1s);
    co_await stream->write(get(target));
    while (world.server->connections() == 0) co_await net::sleep_for(10ms);
    while (world.server->connections() > 0) co_await net::sleep_for(50ms);
    co_await read(*stream, 0ms, taken);
  }

  static constexpr size_t kSize = 256 << 20;
  std::string target;
};

TEST_F(SlowReader, GetsEverythingHoweverLongItTakes) {
  size_t taken = 0;
  run(attentive(*this, target, taken));
  EXPECT_GT(taken, kSize);  // with the head
}

TEST_F(SlowReader, IsDroppedWhenItTakesNothing) {
  size_t taken = 0;
  run(deaf(*this, target, taken));
  EXPECT_LT(taken, kSize);
}

}  // namespace
}  // namespace osb::http
