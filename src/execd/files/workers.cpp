#include "execd/files/workers.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <system_error>
#include <thread>

#include "base/error.h"
#include "net/timer.h"

namespace osb::execd {

namespace {

constexpr std::chrono::seconds kIdle{10};

}  // namespace

// Shared with the threads, which may outlive the Workers for as long as their last job takes.
struct Workers::State {
  std::mutex mutex;
  std::condition_variable wake;
  std::deque<std::shared_ptr<Job>> queue;
  size_t max_threads;
  size_t max_waiting;
  size_t threads = 0;
  size_t idle = 0;
  bool stopping = false;
};

Workers::Job::Job(std::function<void()> work)
    : work_(std::move(work)),
      ended_(check(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "creating an eventfd")) {}

void Workers::Job::execute() noexcept {
  try {
    work_();
  } catch (...) {
    error_ = std::current_exception();
  }
  work_ = nullptr;  // what it owned ends before anybody hears of it
  done_.store(true, std::memory_order_release);
  ::eventfd_write(ended_.get(), 1);
}

Workers::Workers(size_t threads, size_t waiting) : state_(std::make_shared<State>()) {
  state_->max_threads = threads;
  state_->max_waiting = waiting;
}

Workers::~Workers() {
  std::deque<std::shared_ptr<Job>> dropped;
  {
    std::lock_guard lock(state_->mutex);
    state_->stopping = true;
    dropped.swap(state_->queue);
  }
  state_->wake.notify_all();
}

void Workers::work_loop(std::shared_ptr<State> state) {
  std::unique_lock lock(state->mutex);
  while (true) {
    if (state->queue.empty()) {
      if (state->stopping) break;
      ++state->idle;
      bool woken =
          state->wake.wait_for(lock, kIdle, [&] { return state->stopping || !state->queue.empty(); });
      --state->idle;
      if (!woken) break;
      continue;
    }
    std::shared_ptr<Job> job = std::move(state->queue.front());
    state->queue.pop_front();
    lock.unlock();
    job->execute();
    job.reset();
    lock.lock();
  }
  --state->threads;
}

std::shared_ptr<Workers::Job> Workers::start(std::function<void()> work, Admission admission) {
  auto job = std::make_shared<Job>(std::move(work));
  std::unique_lock lock(state_->mutex);
  if (admission == Admission::fresh && state_->queue.size() >= state_->max_waiting)
    throw Error(ErrorCode::exhausted, "reading or writing files: too many operations are waiting");
  state_->queue.push_back(job);
  bool more = state_->idle < state_->queue.size() && state_->threads < state_->max_threads;
  if (!more) {
    lock.unlock();
    state_->wake.notify_one();
    return job;
  }
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  bool none = false;
  try {
    ++state_->threads;
    std::thread(&Workers::work_loop, state_).detach();
  } catch (const std::system_error&) {
    none = --state_->threads == 0;
    if (none) state_->queue.pop_back();
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  lock.unlock();
  if (none)
    job->execute();
  else
    state_->wake.notify_one();
  return job;
}

net::task<> Workers::wait(net::asio::any_io_executor executor, std::shared_ptr<Job> job) {
  while (!job->done_.load(std::memory_order_acquire)) {
    net::Readable readable(executor, job->ended_.get());
    co_await readable.wait();
  }
  if (job->error_) std::rethrow_exception(job->error_);
}

}  // namespace osb::execd
