#include "launcher/poller.h"

#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <string>

namespace osb::launcher {
namespace {

using std::chrono::milliseconds;

TEST(Poller, HandlersMayDropAnyWatchEvenTheirOwn) {
  Poller poller;
  Pipe a = make_pipe(), b = make_pipe();
  ASSERT_EQ(::write(a.write.get(), "x", 1), 1);
  ASSERT_EQ(::write(b.write.get(), "x", 1), 1);
  int calls = 0;
  Poller::Watch on_a, on_b;
  auto drop_both = [&](uint32_t) {
    std::string captured(100, 'x');  // lives on the handler's own storage
    on_a.reset();
    on_b.reset();
    calls++;
    EXPECT_EQ(captured.size(), 100u);
  };
  on_a = poller.watch(a.read.get(), EPOLLIN, drop_both);
  on_b = poller.watch(b.read.get(), EPOLLIN, drop_both);
  Poller::Timer end = poller.after(milliseconds(20), [&] { poller.stop(); });
  poller.run();
  EXPECT_EQ(calls, 1) << "the second event of the batch was for a dropped watch";
}

TEST(Poller, TimersRunInOrderOnceAndNotWhenDropped) {
  Poller poller;
  std::string order;
  Poller::Timer c = poller.after(milliseconds(15), [&] {
    order += 'c';
    poller.stop();
  });
  Poller::Timer a = poller.after(milliseconds(1), [&] { order += 'a'; });
  Poller::Timer b = poller.after(milliseconds(5), [&] { order += 'b'; });
  Poller::Timer never = poller.after(milliseconds(3), [&] { order += 'x'; });
  never.reset();
  poller.run();
  EXPECT_EQ(order, "abc");
}

TEST(Poller, DeferredWorkRunsAfterTheTurn) {
  Poller poller;
  std::string order;
  Poller::Timer t = poller.after(milliseconds(0), [&] {
    poller.defer([&] {
      order += 'd';
      poller.defer([&] {
        order += 'e';
        poller.stop();
      });
    });
    order += 't';
  });
  poller.run();
  EXPECT_EQ(order, "tde");
}

}  // namespace
}  // namespace osb::launcher
