#include "net/file_sending.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "base/error.h"
#include "net/loop.h"
#include "net/timer.h"

namespace osb::net {
namespace {

using namespace std::chrono_literals;

// Takes bytes as a client would, and hands files to the way that any stream has.
class NoSocket final : public Stream {
 public:
  explicit NoSocket(Stream& inner) : inner_(inner) {}
  task<size_t> read_some(std::span<char> into) override { return inner_.read_some(into); }
  task<> write(std::vector<std::string_view> parts) override { return inner_.write(std::move(parts)); }
  size_t write_now(std::string_view bytes) override { return inner_.write_now(bytes); }
  void set_read_deadline(std::chrono::milliseconds after) override { inner_.set_read_deadline(after); }
  void set_write_deadline(std::chrono::milliseconds after) override { inner_.set_write_deadline(after); }
  void shutdown_write() override { inner_.shutdown_write(); }
  void close() override { inner_.close(); }
  task<> wait_for_hangup() override { return inner_.wait_for_hangup(); }
  const Peer& peer() const override { return inner_.peer(); }
  std::string local_address() const override { return inner_.local_address(); }
  int native_handle() const override { return -1; }
  asio::any_io_executor executor() const override { return inner_.executor(); }

 private:
  Stream& inner_;
};

// Counts, and says which thread it was.
struct Elsewhere {
  int jobs = 0;
  task<> run(std::function<void()> work) {
    jobs++;
    std::exception_ptr failure;
    std::thread([&] {
      try {
        work();
      } catch (...) {
        failure = std::current_exception();
      }
    }).join();
    co_await sleep_for(0ms);
    if (failure) std::rethrow_exception(failure);
  }
  Offload offload() {
    return [this](std::function<void()> work) { return run(std::move(work)); };
  }
};

struct FileSendingTest : testing::Test {
  void SetUp() override {
    ::signal(SIGPIPE, SIG_IGN);
    int fds[2];
    check(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), "making a pair");
    near = adopt_stream(loop.executor(), Fd(fds[0]));
    far = adopt_stream(loop.executor(), Fd(fds[1]));
    for (int i = 0; i < 2'000'000; i++) content += static_cast<char>(i % 251);
    file = std::make_shared<Fd>(check(::memfd_create("content", MFD_CLOEXEC), "making a file"));
    for (std::string_view rest = content; !rest.empty();)
      rest.remove_prefix(
          static_cast<size_t>(check(::write(file->get(), rest.data(), rest.size()), "writing")));
  }

  static task<> send(Stream& stream, FileRegion region, Offload offload, uint64_t& sent) {
    while (region.length > 0) {
      uint64_t n = co_await stream.write_file(region, offload);
      if (n == 0) break;
      sent += n;
      region.offset += n;
      region.length -= n;
    }
    stream.shutdown_write();
  }
  static task<> take(Stream& stream, std::string& got, size_t most = SIZE_MAX) {
    std::vector<char> buffer(50'000);
    while (size_t n = co_await stream.read_some(std::span(buffer).first(std::min(most, buffer.size()))))
      got.append(buffer.data(), n);
  }
  // What arrives at the far end.
  std::string sent_through(Stream& stream, uint64_t offset, uint64_t length, uint64_t* count = nullptr) {
    std::string got;
    uint64_t sent = 0;
    spawn(loop.executor(), "sending", send(stream, {file, offset, length}, elsewhere.offload(), sent));
    loop.run_until_done(take(*far, got));
    if (count) *count = sent;
    return got;
  }

  Loop loop;
  Elsewhere elsewhere;
  std::unique_ptr<Stream> near, far;
  std::string content;
  std::shared_ptr<Fd> file;
};

TEST_F(FileSendingTest, SendsExactlyTheRegion) {
  EXPECT_TRUE(sent_through(*near, 1001, 1'500'000) == content.substr(1001, 1'500'000));
  EXPECT_GT(elsewhere.jobs, 1) << "the socket is smaller than the region: no try waits for it";
}

TEST_F(FileSendingTest, EndsWithTheFile) {
  uint64_t sent = 0;
  EXPECT_TRUE(sent_through(*near, 1'999'000, 5000, &sent) == content.substr(1'999'000));
  EXPECT_EQ(sent, 1000u);
}

TEST_F(FileSendingTest, OtherStreamsReadAndWrite) {
  NoSocket stream(*near);
  EXPECT_TRUE(sent_through(stream, 77, 1'000'000) == content.substr(77, 1'000'000));
  EXPECT_EQ(elsewhere.jobs, 4) << "in blocks";
}

TEST_F(FileSendingTest, OtherStreamsEndWithTheFile) {
  NoSocket stream(*near);
  EXPECT_TRUE(sent_through(stream, 1'999'000, 5000) == content.substr(1'999'000));
}

// The kernel moves no bytes out of such a file.
TEST_F(FileSendingTest, CopiesWhatTheKernelDoesNotMove) {
  file = std::make_shared<Fd>(check(::open("/proc/self/status", O_RDONLY | O_CLOEXEC), "opening"));
  EXPECT_EQ(sent_through(*near, 0, 6), "Name:\t");
}

TEST_F(FileSendingTest, AFileThatCannotBeReadIsNoBrokenConnection) {
  file = std::make_shared<Fd>(check(::open("/tmp", O_RDONLY | O_CLOEXEC | O_DIRECTORY), "opening"));
  uint64_t sent = 0;
  try {
    loop.run_until_done(send(*near, {file, 0, 10}, elsewhere.offload(), sent));
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::internal);
  }
}

TEST_F(FileSendingTest, NobodyIsWaitedForLongerThanTheDeadline) {
  near->set_write_deadline(50ms);
  uint64_t sent = 0;
  try {
    loop.run_until_done(send(*near, {file, 0, content.size()}, elsewhere.offload(), sent));
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::timeout);
  }
  EXPECT_LT(sent, content.size());
}

TEST_F(FileSendingTest, APeerThatLeftBreaksIt) {
  far.reset();
  uint64_t sent = 0;
  try {
    loop.run_until_done(send(*near, {file, 0, content.size()}, elsewhere.offload(), sent));
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::unavailable);
  }
}

TEST_F(FileSendingTest, OutlivesTheStream) {
  auto sending = std::make_shared<FileSending>(near->native_handle(), FileRegion{file, 0, 10});
  near.reset();
  sending->proceed();
  EXPECT_EQ(sending->sent(), 10u);
  sending.reset();
  std::string got;
  loop.run_until_done(take(*far, got));
  EXPECT_EQ(got, content.substr(0, 10));
}

}  // namespace
}  // namespace osb::net
