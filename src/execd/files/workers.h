// Helper threads for work that may wait for a disk: the one loop of the daemon, and with it every running
// command stream, must not. A job owns what it touches (capture shared_ptr or copies), so that it can outlive
// the request that started it. Threads start when there is work and end after some idle seconds; they take no
// signals.
#pragma once

#include <atomic>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>

#include "base/fd.h"
#include "net/task.h"

namespace osb::execd {

class Workers {
 public:
  explicit Workers(size_t threads = 4, size_t waiting = 256);
  // Waiting jobs are dropped; running ones end by themselves.
  ~Workers();
  Workers(const Workers&) = delete;

  class Job {
   public:
    Job(std::function<void()> work);
    // Runs the work and signals its end. Once.
    void execute() noexcept;

   private:
    friend class Workers;
    std::function<void()> work_;
    std::exception_ptr error_;
    std::atomic<bool> done_{false};
    Fd ended_;  // eventfd
  };

  // Puts a job into the queue. Throws Error(exhausted) when it is full, unless the job continues admitted
  // work (of which each request has one job at a time). If no thread can be started (a full pids limit), the
  // job runs here and now.
  enum class Admission { fresh, continued };
  std::shared_ptr<Job> start(std::function<void()> work, Admission admission = Admission::fresh);
  // Waits for its end on the loop of the calling coroutine; rethrows what it threw.
  static net::task<> wait(net::asio::any_io_executor executor, std::shared_ptr<Job> job);

  // Both at once, with the result.
  template <class F>
  net::task<std::invoke_result_t<F>> run(net::asio::any_io_executor executor, F work,
                                         Admission admission = Admission::fresh) {
    using Result = std::invoke_result_t<F>;
    if constexpr (std::is_void_v<Result>) {
      co_await wait(executor, start(std::move(work), admission));
    } else {
      auto result = std::make_shared<std::optional<Result>>();
      co_await wait(executor, start([result, work = std::move(work)]() mutable { result->emplace(work()); },
                                    admission));
      co_return std::move(**result);
    }
  }

 private:
  struct State;
  static void work_loop(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;
};

}  // namespace osb::execd
