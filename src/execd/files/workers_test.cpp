#include "execd/files/workers.h"

#include <gtest/gtest.h>
#include <pthread.h>
#include <signal.h>

#include <atomic>
#include <future>
#include <thread>

#include "base/error.h"
#include "net/loop.h"

namespace osb::execd {
namespace {

net::task<> collect(Workers& workers, net::asio::any_io_executor executor, int n, int& sum) {
  for (int i = 0; i < n; ++i) sum += co_await workers.run(executor, [i] { return i; });
}

TEST(Workers, GiveResultsBackToTheLoop) {
  net::Loop loop;
  Workers workers;
  int sum = 0;
  loop.run_until_done(collect(workers, loop.executor(), 100, sum));
  EXPECT_EQ(sum, 4950);
}

net::task<> fail(Workers& workers, net::asio::any_io_executor executor) {
  co_await workers.run(executor, [] { throw Error(ErrorCode::conflict, "on purpose"); });
}

TEST(Workers, RethrowWhatTheJobThrew) {
  net::Loop loop;
  Workers workers;
  try {
    loop.run_until_done(fail(workers, loop.executor()));
    ADD_FAILURE();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::conflict);
  }
}

net::task<> thread_facts(Workers& workers, net::asio::any_io_executor executor, std::thread::id& id,
                         bool& blocked) {
  co_await workers.run(executor, [&id, &blocked] {
    id = std::this_thread::get_id();
    sigset_t set;
    pthread_sigmask(SIG_SETMASK, nullptr, &set);
    blocked = sigismember(&set, SIGCHLD) && sigismember(&set, SIGTERM);
  });
}

TEST(Workers, RunElsewhereWithoutSignals) {
  net::Loop loop;
  Workers workers;
  std::thread::id id;
  bool blocked = false;
  loop.run_until_done(thread_facts(workers, loop.executor(), id, blocked));
  EXPECT_NE(id, std::this_thread::get_id());
  EXPECT_TRUE(blocked);
}

TEST(Workers, QueueIsBounded) {
  std::promise<void> go;
  std::shared_future<void> gate = go.get_future().share();
  std::atomic<int> ran{0};
  std::atomic<bool> running{false};
  Workers workers(1, 2);
  auto busy = [&, gate] { running = true, gate.wait(), ++ran; };
  auto first = workers.start(busy);
  while (!running) std::this_thread::yield();
  workers.start(busy);
  workers.start(busy);
  try {
    workers.start(busy);
    ADD_FAILURE();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::exhausted);
  }
  auto last = workers.start(busy, Workers::Admission::continued);
  go.set_value();
  net::Loop loop;
  loop.run_until_done(Workers::wait(loop.executor(), last));
  EXPECT_EQ(ran, 4);
}

TEST(Workers, AJobOutlivesTheWorkers) {
  std::promise<void> go;
  std::shared_future<void> gate = go.get_future().share();
  std::atomic<bool> running{false};
  auto done = std::make_shared<std::promise<void>>();
  std::future<void> finished = done->get_future();
  {
    Workers workers(1, 2);
    workers.start([gate, done, &running] { running = true, gate.wait(), done->set_value(); });
    while (!running) std::this_thread::yield();
    workers.start([] { ADD_FAILURE() << "dropped jobs do not run"; });
  }
  go.set_value();
  finished.wait();
}

}  // namespace
}  // namespace osb::execd
