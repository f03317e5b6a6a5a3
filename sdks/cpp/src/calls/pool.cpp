// The threads of a pool take one job after the other: check what is idle, kill what is not wanted, make what
// is missing. Nothing is asked of the network while the lock is held. The threads own the Work together with
// the Pool; they end soon after the Pool is gone, because their stop token interrupts whatever they wait for.
#include <opensandbox/pool.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "transport/wait.h"

namespace opensandbox {

using detail::Clock;

class Pool::Work {
 public:
  explicit Work(PoolOptions options) : options_(std::move(options)) {
    if (!options_.create.timeout)
      throw Error(ErrorCode::invalid_argument,
                  "make a pool: its sandboxes need a timeout, or crashed programs leave them");
    if (options_.idle < 0 || options_.parallel < 1)
      throw Error(ErrorCode::invalid_argument, "make a pool: idle must not be negative, parallel at least 1");
    if (*options_.create.timeout <= options_.least_left)
      throw Error(ErrorCode::invalid_argument,
                  "make a pool: least_left must be shorter than the sandboxes' timeout");
    if (!options_.config.connections) options_.config.connections.emplace();
  }

  void start() {
    for (int i = 0; i < options_.parallel; i++)
      threads_.emplace_back([this](std::stop_token stop) { run(stop); });
  }

  void shut_down() {
    for (std::jthread& thread : threads_) thread.request_stop();
    changed_.notify_all();
    threads_.clear();
    for (Idle& idle : idle_) kill(idle.sandbox);
    for (Sandbox& sandbox : doomed_) kill(sandbox);
  }

  Sandbox acquire(WhenEmpty when_empty, const std::stop_token& stop);
  void release(Sandbox sandbox);
  void discard(Sandbox sandbox);
  void resize(int idle);
  PoolState state();

 private:
  struct Idle {
    Sandbox sandbox;
    Clock::time_point ends;     // when it dies by itself, at the earliest
    Clock::time_point checked;  // when it was last known to be healthy
  };
  enum class Job { none, kill, check, create };

  void run(const std::stop_token& stop);
  Job next_job(Clock::time_point now);
  Clock::time_point next_time(Clock::time_point now);
  void kill_one();
  void check_one(const std::stop_token& stop);
  void create_one(const std::stop_token& stop);
  Idle make(const std::stop_token& stop);
  void made(Idle idle);
  void failed(const std::string& why);
  void drop_ending(Clock::time_point now);
  std::optional<Idle> take(const std::stop_token& stop, bool wait);
  static void kill(const Sandbox& sandbox) noexcept;

  PoolOptions options_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<Idle> idle_;  // oldest first
  std::deque<Sandbox> doomed_;
  int creating_ = 0, checking_ = 0, lent_ = 0, failures_ = 0;
  Clock::time_point not_before_{};  // of the next create, after failures
  std::string last_error_;
  std::vector<std::jthread> threads_;
};

void Pool::Work::kill(const Sandbox& sandbox) noexcept {
  try {
    sandbox.kill();
  } catch (const std::exception&) {  // it has ended, or ends by its timeout
  }
}

void Pool::Work::drop_ending(Clock::time_point now) {
  std::erase_if(idle_, [&](Idle& idle) {
    if (idle.ends - now > options_.least_left) return false;
    doomed_.push_back(std::move(idle.sandbox));
    return true;
  });
  while (static_cast<int>(idle_.size()) > options_.idle) {
    doomed_.push_back(std::move(idle_.front().sandbox));
    idle_.pop_front();
  }
}

Pool::Work::Job Pool::Work::next_job(Clock::time_point now) {
  drop_ending(now);
  if (!doomed_.empty()) return Job::kill;
  bool missing = static_cast<int>(idle_.size()) + creating_ + checking_ < options_.idle;
  if (missing && now >= not_before_) return Job::create;
  bool check = options_.check_every.count() > 0 && !idle_.empty() &&
               now - idle_.front().checked >= options_.check_every;
  return check ? Job::check : Job::none;
}

// When there may be something to do although nobody says so.
Clock::time_point Pool::Work::next_time(Clock::time_point now) {
  auto time = now + std::chrono::seconds(1);
  if (not_before_ > now) time = std::min(time, not_before_);
  return time;
}

void Pool::Work::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    Job job;
    {
      std::unique_lock lock(mutex_);
      auto now = Clock::now();
      job = next_job(now);
      if (job == Job::create) ++creating_;
      if (job == Job::check) ++checking_;
      if (job == Job::none) {
        changed_.wait_until(lock, stop, next_time(now), [&] { return next_job(Clock::now()) != Job::none; });
        continue;
      }
    }
    if (job == Job::kill) kill_one();
    if (job == Job::check) check_one(stop);
    if (job == Job::create) create_one(stop);
  }
}

void Pool::Work::kill_one() {
  std::optional<Sandbox> sandbox;
  {
    std::lock_guard lock(mutex_);
    if (doomed_.empty()) return;
    sandbox.emplace(std::move(doomed_.front()));
    doomed_.pop_front();
  }
  kill(*sandbox);
}

void Pool::Work::check_one(const std::stop_token& stop) {
  std::optional<Idle> idle;
  {
    std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      idle.emplace(std::move(idle_.front()));
      idle_.pop_front();
    }
  }
  bool healthy = idle && (idle->sandbox.healthy(stop) || stop.stop_requested());
  std::lock_guard lock(mutex_);
  --checking_;
  if (!idle) return;
  if (healthy) {
    idle->checked = Clock::now();
    idle_.push_back(std::move(*idle));
  } else {
    doomed_.push_back(std::move(idle->sandbox));
  }
  changed_.notify_all();
}

// The request itself is not interrupted: its sandbox would be nobody's. Waiting until it is ready is.
Pool::Work::Idle Pool::Work::make(const std::stop_token& stop) {
  auto ends = Clock::now() + *options_.create.timeout;
  CreateOptions options = options_.create;
  options.readiness.skip = true;
  Sandbox sandbox = Sandbox::create(options, options_.config);
  try {
    sandbox.wait_ready(options_.create.readiness, stop);
    if (options_.prepare) options_.prepare(sandbox);
  } catch (...) {
    kill(sandbox);
    throw;
  }
  return {std::move(sandbox), ends, Clock::now()};
}

void Pool::Work::create_one(const std::stop_token& stop) {
  try {
    made(make(stop));
  } catch (const std::exception& error) {
    if (stop.stop_requested()) return;
    failed(error.what());
  } catch (...) {
    failed("prepare threw something that is no exception");
  }
}

void Pool::Work::made(Idle idle) {
  std::lock_guard lock(mutex_);
  --creating_;
  failures_ = 0;
  last_error_.clear();
  idle_.push_back(std::move(idle));
  changed_.notify_all();
}

void Pool::Work::failed(const std::string& why) {
  std::lock_guard lock(mutex_);
  --creating_;
  ++failures_;
  last_error_ = why;
  not_before_ =
      Clock::now() + std::min(Milliseconds(30'000), Milliseconds(250) * (1 << std::min(failures_, 7)));
  changed_.notify_all();
}

std::optional<Pool::Work::Idle> Pool::Work::take(const std::stop_token& stop, bool wait) {
  std::unique_lock lock(mutex_);
  drop_ending(Clock::now());
  if (wait) changed_.wait(lock, stop, [&] { return !idle_.empty(); });
  if (idle_.empty()) return std::nullopt;
  Idle idle = std::move(idle_.front());
  idle_.pop_front();
  ++lent_;
  changed_.notify_all();
  return idle;
}

Sandbox Pool::Work::acquire(WhenEmpty when_empty, const std::stop_token& stop) {
  while (auto idle = take(stop, when_empty == WhenEmpty::wait)) {
    if (idle->sandbox.healthy(stop)) return idle->sandbox;
    if (stop.stop_requested()) {
      release(std::move(idle->sandbox));
      break;
    }
    discard(std::move(idle->sandbox));
  }
  if (stop.stop_requested()) throw Error(ErrorCode::cancelled, "acquire a sandbox: stopped by the caller");
  if (when_empty == WhenEmpty::fail) throw Error(ErrorCode::pool_empty, "acquire a sandbox: none is ready");
  Sandbox sandbox = make(stop).sandbox;
  std::lock_guard lock(mutex_);
  ++lent_;
  return sandbox;
}

void Pool::Work::release(Sandbox sandbox) {
  // The borrower may have changed when it ends, so the server is asked.
  std::optional<Time> ends;
  try {
    SandboxInfo info = sandbox.info();
    if (info.status.state != "Running") return discard(std::move(sandbox));
    ends = info.expires_at;
  } catch (const Error&) {
    return discard(std::move(sandbox));
  }
  auto now = Clock::now();
  auto left = ends ? std::chrono::duration_cast<Clock::duration>(*ends - std::chrono::system_clock::now())
                   : std::chrono::hours(1000);
  std::lock_guard lock(mutex_);
  --lent_;
  idle_.push_back({std::move(sandbox), now + left, now});
  changed_.notify_all();
}

void Pool::Work::discard(Sandbox sandbox) {
  std::lock_guard lock(mutex_);
  --lent_;
  doomed_.push_back(std::move(sandbox));
  changed_.notify_all();
}

void Pool::Work::resize(int idle) {
  if (idle < 0) throw Error(ErrorCode::invalid_argument, "resize a pool: idle must not be negative");
  std::lock_guard lock(mutex_);
  options_.idle = idle;
  changed_.notify_all();
}

PoolState Pool::Work::state() {
  std::lock_guard lock(mutex_);
  return {static_cast<int>(idle_.size()), creating_, lent_, failures_, last_error_};
}

Pool::Pool(PoolOptions options) : work_(std::make_shared<Work>(std::move(options))) { work_->start(); }
Pool::~Pool() { work_->shut_down(); }
Sandbox Pool::acquire(WhenEmpty when_empty, std::stop_token stop) { return work_->acquire(when_empty, stop); }
void Pool::release(Sandbox sandbox) { work_->release(std::move(sandbox)); }
void Pool::discard(Sandbox sandbox) { work_->discard(std::move(sandbox)); }
void Pool::resize(int idle) { work_->resize(idle); }
PoolState Pool::state() const { return work_->state(); }

}  // namespace opensandbox
