#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "base/error.h"
#include "base/log.h"
#include "net/address.h"
#include "net/hangup.h"
#include "net/listener.h"
#include "net/loop.h"
#include "net/stream.h"
#include "net/timer.h"
#include "net/writable.h"

namespace osb::net {
namespace {

using namespace std::chrono_literals;

ErrorCode code_of(std::exception_ptr failure) {
  try {
    if (failure) std::rethrow_exception(failure);
  } catch (const Error& error) {
    return error.code();
  }
  ADD_FAILURE() << "it did not fail";
  return ErrorCode::internal;
}

struct NetTest : testing::Test {
  // Two ends of one connection.
  std::pair<std::unique_ptr<Stream>, std::unique_ptr<Stream>> pair() {
    int fds[2];
    check(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), "making a pair");
    return {adopt_stream(loop.executor(), Fd(fds[0])), adopt_stream(loop.executor(), Fd(fds[1]))};
  }
  Loop loop;
};

TEST_F(NetTest, RunUntilDoneRethrows) {
  struct Fails {
    static task<> run() {
      co_await sleep_for(1ms);
      throw Error(ErrorCode::conflict, "no");
    }
  };
  EXPECT_THROW(loop.run_until_done(Fails::run()), Error);
  loop.run_until_done(sleep_for(1ms));
}

TEST_F(NetTest, StopsFromAnotherThread) {
  spawn(loop.executor(), "long", sleep_for(60s));
  std::thread other([this] {
    std::this_thread::sleep_for(20ms);
    loop.stop();
  });
  loop.run();
  other.join();
}

TEST_F(NetTest, RunEndsWhenNothingIsLeft) {
  struct Short {
    static task<> run(std::unique_ptr<Stream> a, std::unique_ptr<Stream> b) {
      a->set_read_deadline(60s);
      HangupWatch watch(*a, [] {});
      co_await b->write("x");
    }
  };
  auto [a, b] = pair();
  spawn(loop.executor(), "short", Short::run(std::move(a), std::move(b)));
  loop.run();
}

TEST(Addresses, AreReadAndDescribed) {
  EXPECT_EQ(tcp_address("127.0.0.1", 80).port(), 80);
  EXPECT_EQ(describe_peer(tcp_address("[::1]", 9)).address, "::1");
  for (const char* local : {"127.0.0.1", "127.255.0.3", "::1", "::ffff:127.0.0.1"})
    EXPECT_TRUE(describe_peer(tcp_address(local, 1)).loopback) << local;
  for (const char* other : {"10.0.0.1", "128.0.0.1", "::2", "::ffff:10.0.0.1", "0.0.0.0"})
    EXPECT_FALSE(describe_peer(tcp_address(other, 1)).loopback) << other;
  EXPECT_EQ(describe_peer(tcp_address("::ffff:10.0.0.1", 1)).address, "10.0.0.1");
  EXPECT_TRUE(describe_peer(unix_address("/x")).loopback);
  for (const char* bad : {"", "localhost", "1.2.3", "[127.0.0.1]", "::g"})
    EXPECT_THROW(tcp_address(bad, 1), Error) << bad;
  EXPECT_THROW(tcp_address(std::string("::1\0\r", 5), 1), Error);
  EXPECT_THROW(unix_address(std::string(200, 'x')), Error);
}

task<> echo_one(Listener& listener, std::string& seen) {
  auto stream = co_await listener.accept();
  seen = stream->peer().address + "|" + (stream->peer().loopback ? "loopback" : "far") + "|" +
         stream->local_address();
  co_await copy(*stream, *stream);
}
task<> say(Loop& loop, std::string address, uint16_t port, std::string path, std::string& heard) {
  auto stream = path.empty() ? co_await connect_tcp(loop.executor(), address, port, 1s)
                             : co_await connect_unix(loop.executor(), path, 1s);
  co_await stream->write({"hel", "", "lo"});
  stream->shutdown_write();
  char buffer[64];
  while (size_t count = co_await stream->read_some(buffer)) heard.append(buffer, count);
}

TEST_F(NetTest, ConnectsOverTcpAndUnixSockets) {
  std::string path = testing::TempDir() + "osb_net_" + std::to_string(::getpid()) + ".sock";
  struct Case {
    std::unique_ptr<Listener> listener;
    std::string address, path, seen;
  };
  std::vector<Case> cases;
  cases.push_back(
      {listen_tcp(loop.executor(), "127.0.0.1", 0), "127.0.0.1", "", "127.0.0.1|loopback|127.0.0.1"});
  cases.push_back({listen_tcp(loop.executor(), "::", 0), "127.0.0.1", "", "127.0.0.1|loopback|127.0.0.1"});
  cases.push_back({listen_tcp(loop.executor(), "[::]", 0), "::1", "", "::1|loopback|::1"});
  cases.push_back({listen_unix(loop.executor(), path), "", path, "|loopback|"});
  for (Case& c : cases) {
    std::string seen, heard;
    spawn(loop.executor(), "echo", echo_one(*c.listener, seen));
    loop.run_until_done(say(loop, c.address, c.listener->port(), c.path, heard));
    EXPECT_EQ(heard, "hello");
    EXPECT_EQ(seen, c.seen);
    EXPECT_EQ(c.listener->port() != 0, c.path.empty());
  }
  ::unlink(path.c_str());
}

TEST_F(NetTest, ListeningSaysWhatFailed) {
  auto first = listen_tcp(loop.executor(), "127.0.0.1", 0);
  try {
    listen_tcp(loop.executor(), "127.0.0.1", first->port());
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_THAT(error.message(), testing::StartsWith("listening on 127.0.0.1:"));
  }
}

TEST_F(NetTest, AClosedListenerEndsAccept) {
  struct Close {
    static task<> later(Listener& listener) {
      co_await sleep_for(5ms);
      listener.close();
    }
    static task<> accept(Listener& listener, std::exception_ptr& failure) {
      try {
        co_await listener.accept();
      } catch (...) {
        failure = std::current_exception();
      }
    }
  };
  auto listener = listen_tcp(loop.executor(), "127.0.0.1", 0);
  std::exception_ptr failure;
  spawn(loop.executor(), "close", Close::later(*listener));
  loop.run_until_done(Close::accept(*listener, failure));
  EXPECT_EQ(code_of(failure), ErrorCode::unavailable);
}

TEST_F(NetTest, AcceptSurvivesShortageOfDescriptors) {
  struct Accept {
    static task<> run(Listener& listener, Loop& loop) {
      auto client = co_await connect_tcp(loop.executor(), "127.0.0.1", listener.port(), 1s);
      rlimit old{};
      ::getrlimit(RLIMIT_NOFILE, &old);
      rlimit none{static_cast<rlim_t>(::dup(0)), old.rlim_max};  // the lowest free number
      ::close(static_cast<int>(none.rlim_cur));
      ::setrlimit(RLIMIT_NOFILE, &none);
      spawn(loop.executor(), "restore", restore(old));
      auto accepted = co_await listener.accept();
      EXPECT_TRUE(accepted);
    }
    static task<> restore(rlimit old) {
      co_await sleep_for(150ms);
      ::setrlimit(RLIMIT_NOFILE, &old);
    }
  };
  auto listener = listen_tcp(loop.executor(), "127.0.0.1", 0);
  // The sanitizer opens a pipe to check a type that it sees for the first time; the log is such a one.
  log_warn("descriptors will be short");
  loop.run_until_done(Accept::run(*listener, loop));
}

task<> catch_read(Stream& stream, std::exception_ptr& failure) {
  char buffer[64];
  try {
    co_await stream.read_some(buffer);
  } catch (...) {
    failure = std::current_exception();
  }
}
task<> catch_write(Stream& stream, size_t bytes, std::exception_ptr& failure) {
  std::string block(bytes, 'x');
  try {
    co_await stream.write(block);
  } catch (...) {
    failure = std::current_exception();
  }
}

TEST_F(NetTest, DeadlinesEndOneDirection) {
  auto [a, b] = pair();
  std::exception_ptr failure;
  a->set_read_deadline(30ms);
  loop.run_until_done(catch_read(*a, failure));
  EXPECT_EQ(code_of(failure), ErrorCode::timeout);
  loop.run_until_done(a->write("still"));  // the other direction works

  auto [c, d] = pair();
  c->set_write_deadline(30ms);
  loop.run_until_done(catch_write(*c, 50 << 20, failure));
  EXPECT_EQ(code_of(failure), ErrorCode::timeout);
}

TEST_F(NetTest, ADeadlineMayMoveWhileNothingIsPending) {
  auto [a, b] = pair();
  a->set_read_deadline(1ms);
  loop.run_until_done(sleep_for(60ms));
  std::exception_ptr failure;
  struct Late {
    static task<> write(Stream& stream) {
      co_await sleep_for(20ms);
      co_await stream.write("x");
    }
  };
  a->set_read_deadline(5s);
  spawn(loop.executor(), "late", Late::write(*b));
  loop.run_until_done(catch_read(*a, failure));
  EXPECT_FALSE(failure);
}

TEST_F(NetTest, AReadDeadlineDoesNotDisturbAPendingWrite) {
  struct Both {
    static task<> drain(Stream& stream, size_t& got) {
      co_await sleep_for(100ms);
      std::vector<char> buffer(1 << 20);
      while (got < (4u << 20)) got += co_await stream.read_some(buffer);
    }
  };
  auto [a, b] = pair();
  std::exception_ptr read_failure, write_failure;
  size_t got = 0;
  a->set_read_deadline(30ms);
  spawn(loop.executor(), "read", catch_read(*a, read_failure));
  spawn(loop.executor(), "write", catch_write(*a, 4 << 20, write_failure));
  loop.run_until_done(Both::drain(*b, got));
  EXPECT_EQ(code_of(read_failure), ErrorCode::timeout);
  EXPECT_FALSE(write_failure);
  EXPECT_EQ(got, 4u << 20);
}

TEST_F(NetTest, CloseEndsWhatIsPending) {
  auto [a, b] = pair();
  std::exception_ptr read_failure, write_failure, hangup_failure;
  struct Close {
    static task<> later(Stream& stream) {
      co_await sleep_for(5ms);
      stream.close();
    }
    static task<> hangup(Stream& stream, std::exception_ptr& failure) {
      try {
        co_await stream.wait_for_hangup();
      } catch (...) {
        failure = std::current_exception();
      }
    }
  };
  spawn(loop.executor(), "write", catch_write(*a, 50 << 20, write_failure));
  spawn(loop.executor(), "read", catch_read(*a, read_failure));
  spawn(loop.executor(), "close", Close::later(*a));
  loop.run_until_done(Close::hangup(*a, hangup_failure));
  loop.run_until_done(sleep_for(5ms));
  EXPECT_EQ(code_of(read_failure), ErrorCode::unavailable);
  EXPECT_EQ(code_of(write_failure), ErrorCode::unavailable);
  EXPECT_EQ(code_of(hangup_failure), ErrorCode::unavailable);
  std::exception_ptr after;
  loop.run_until_done(catch_read(*a, after));
  EXPECT_EQ(code_of(after), ErrorCode::unavailable);
}

TEST_F(NetTest, WritingToAPeerThatLeftFails) {
  auto [a, b] = pair();
  b.reset();
  std::exception_ptr failure;
  loop.run_until_done(catch_write(*a, 100, failure));
  EXPECT_EQ(code_of(failure), ErrorCode::unavailable);
}

TEST_F(NetTest, HangupIsSeenBehindUnreadBytes) {
  for (bool unread : {false, true}) {
    auto [a, b] = pair();
    if (unread) loop.run_until_done(b->write("unread"));
    bool gone = false;
    HangupWatch watch(*a, [&gone] { gone = true; });
    loop.run_until_done(sleep_for(10ms));
    EXPECT_FALSE(gone);
    b->shutdown_write();
    loop.run_until_done(sleep_for(10ms));
    EXPECT_TRUE(gone);
  }
  auto [a, b] = pair();
  b.reset();
  loop.run_until_done(a->wait_for_hangup());
}

TEST_F(NetTest, AnEndedWatchIsSilent) {
  auto [a, b] = pair();
  bool gone = false;
  {
    HangupWatch watch(*a, [&gone] { gone = true; });
    b->shutdown_write();
  }
  loop.run_until_done(sleep_for(10ms));
  EXPECT_FALSE(gone);
}

TEST_F(NetTest, AWriterGivesWay) {
  // The reader is another thread that is always ready, so the writer never has to wait.
  int fds[2];
  check(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), "making a pair");
  Fd far(fds[1]);
  std::thread reader([&far] {
    std::vector<char> buffer(1 << 20);
    while (::read(far.get(), buffer.data(), buffer.size()) > 0) {}
  });
  struct Fair {
    static task<> write(Stream& stream, bool& stop) {
      while (!stop) co_await stream.write("x");
    }
    static task<> other(int& turns, bool& stop) {
      for (; turns < 5; turns++) co_await sleep_for(1ms);
      stop = true;
    }
  };
  bool stop = false;
  int turns = 0;
  auto stream = adopt_stream(loop.executor(), Fd(fds[0]));
  spawn(loop.executor(), "other", Fair::other(turns, stop));
  loop.run_until_done(Fair::write(*stream, stop));
  EXPECT_EQ(turns, 5);
  stream.reset();
  reader.join();
}

TEST_F(NetTest, EventsWakeEveryWaiter) {
  struct Wait {
    static task<> one(Event& event, int& woken) {
      co_await event.wait();
      woken++;
    }
    static task<> limited(Event& event, bool& notified) { notified = co_await event.wait_for(10ms); }
    static task<> destroyed(Event& event, bool& threw) {
      try {
        co_await event.wait();
      } catch (const Error&) {
        threw = true;
      }
    }
  };
  auto event = std::make_unique<Event>(loop.executor());
  int woken = 0;
  for (int i = 0; i < 3; i++) spawn(loop.executor(), "wait", Wait::one(*event, woken));
  loop.run_until_done(sleep_for(1ms));
  event->notify();
  loop.run_until_done(sleep_for(1ms));
  EXPECT_EQ(woken, 3);

  bool notified = true;
  loop.run_until_done(Wait::limited(*event, notified));
  EXPECT_FALSE(notified);

  bool threw = false;
  spawn(loop.executor(), "wait", Wait::destroyed(*event, threw));
  loop.run_until_done(sleep_for(1ms));
  event.reset();
  loop.run_until_done(sleep_for(1ms));
  EXPECT_TRUE(threw);
}

TEST_F(NetTest, ReadableWaitsAndCancels) {
  struct Wait {
    static task<> one(Readable& readable, std::exception_ptr& failure, bool& done) {
      try {
        co_await readable.wait();
      } catch (...) {
        failure = std::current_exception();
      }
      done = true;
    }
  };
  Pipe pipe = make_pipe(O_NONBLOCK);
  std::exception_ptr failure;
  bool done = false;
  {
    Readable readable(loop.executor(), pipe.read.get());
    spawn(loop.executor(), "wait", Wait::one(readable, failure, done));
    loop.run_until_done(sleep_for(5ms));
    EXPECT_FALSE(done);
    ASSERT_EQ(::write(pipe.write.get(), "x", 1), 1);
    loop.run_until_done(sleep_for(5ms));
    EXPECT_TRUE(done);
    EXPECT_FALSE(failure);
    char byte;
    ASSERT_EQ(::read(pipe.read.get(), &byte, 1), 1);
    done = false;
    spawn(loop.executor(), "wait", Wait::one(readable, failure, done));
    loop.run_until_done(sleep_for(5ms));
    readable.cancel();
    loop.run_until_done(sleep_for(5ms));
    EXPECT_TRUE(done);
    EXPECT_EQ(code_of(failure), ErrorCode::unavailable);
  }
  Readable again(loop.executor(), pipe.read.get());  // the descriptor is free again
  pipe.write.reset();
  done = false;
  failure = nullptr;
  loop.run_until_done(Wait::one(again, failure, done));
  EXPECT_FALSE(failure) << "a hang-up is readable";
}

TEST_F(NetTest, WritableWaitsAndCancels) {
  struct Wait {
    static task<> one(Writable& writable, std::exception_ptr& failure, bool& done) {
      try {
        co_await writable.wait();
      } catch (...) {
        failure = std::current_exception();
      }
      done = true;
    }
  };
  Pipe pipe = make_pipe(O_NONBLOCK);
  std::string block(65536, 'x');
  while (::write(pipe.write.get(), block.data(), block.size()) > 0) {}
  std::exception_ptr failure;
  bool done = false;
  {
    Writable writable(loop.executor(), pipe.write.get());
    spawn(loop.executor(), "wait", Wait::one(writable, failure, done));
    loop.run_until_done(sleep_for(5ms));
    EXPECT_FALSE(done);
    ASSERT_GT(::read(pipe.read.get(), block.data(), block.size()), 0);
    loop.run_until_done(sleep_for(5ms));
    EXPECT_TRUE(done);
    EXPECT_FALSE(failure);
    while (::write(pipe.write.get(), block.data(), block.size()) > 0) {}
    done = false;
    spawn(loop.executor(), "wait", Wait::one(writable, failure, done));
    loop.run_until_done(sleep_for(5ms));
    writable.cancel();
    loop.run_until_done(sleep_for(5ms));
    EXPECT_TRUE(done);
    EXPECT_EQ(code_of(failure), ErrorCode::unavailable);
  }
  Writable again(loop.executor(), pipe.write.get());  // the descriptor is free again
  pipe.read.reset();
  done = false;
  failure = nullptr;
  loop.run_until_done(Wait::one(again, failure, done));
  EXPECT_FALSE(failure) << "a reader that is gone is told by the write";
}

TEST(Loops, DestroyWhatStillWaits) {
  struct Forever {
    static task<> read(std::unique_ptr<Stream> stream, std::unique_ptr<Stream> other,
                       std::shared_ptr<int> alive) {
      HangupWatch watch(*stream, [] {});
      stream->set_read_deadline(60s);
      char byte;
      co_await stream->read_some({&byte, 1});
    }
  };
  auto alive = std::make_shared<int>(1);
  {
    Loop loop;
    int fds[2];
    check(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), "making a pair");
    spawn(loop.executor(), "read",
          Forever::read(adopt_stream(loop.executor(), Fd(fds[0])), adopt_stream(loop.executor(), Fd(fds[1])),
                        alive));
    loop.run_until_done(sleep_for(1ms));
    EXPECT_EQ(alive.use_count(), 2);
  }
  EXPECT_EQ(alive.use_count(), 1);
}

}  // namespace
}  // namespace osb::net
