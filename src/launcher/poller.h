// The launcher's only loop: epoll and timers. Handlers may drop any Watch or Timer, their own included, and
// may add new ones.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/fd.h"

namespace osb::launcher {

class Poller {
 public:
  using Clock = std::chrono::steady_clock;
  using Handler = std::function<void(uint32_t events)>;

  // Throws Error.
  Poller();

  // Handles of what is registered; dropping one ends it at once.
  class Watch {
   public:
    Watch() = default;
    Watch(Watch&& other) noexcept { *this = std::move(other); }
    Watch& operator=(Watch&& other) noexcept;
    ~Watch() { reset(); }
    void reset();
    // Changes the events that are waited for.
    void set(uint32_t events);
    explicit operator bool() const { return poller_ != nullptr; }

   private:
    friend class Poller;
    Poller* poller_ = nullptr;
    uint64_t id_ = 0;
    int fd_ = -1;
  };
  class Timer {
   public:
    Timer() = default;
    Timer(Timer&& other) noexcept { *this = std::move(other); }
    Timer& operator=(Timer&& other) noexcept;
    ~Timer() { reset(); }
    void reset();
    explicit operator bool() const { return poller_ != nullptr; }

   private:
    friend class Poller;
    Poller* poller_ = nullptr;
    std::pair<Clock::time_point, uint64_t> key_;
  };

  // `events` as in epoll. The descriptor stays the caller's and must outlive the Watch.
  [[nodiscard]] Watch watch(int fd, uint32_t events, Handler handler);
  // Runs once.
  [[nodiscard]] Timer after(std::chrono::milliseconds delay, std::function<void()> run);
  // Runs at the end of this turn, whatever happens to the caller.
  void defer(std::function<void()> run);

  // Until stop() is called.
  void run();
  void stop() { stopped_ = true; }

 private:
  void turn();
  int next_timeout() const;
  void run_timers();
  void run_deferred();

  Fd epoll_;
  bool stopped_ = false;
  uint64_t next_id_ = 1;
  std::unordered_map<uint64_t, std::shared_ptr<Handler>> watches_;
  std::map<std::pair<Clock::time_point, uint64_t>, std::function<void()>> timers_;
  std::vector<std::function<void()>> deferred_;
};

}  // namespace osb::launcher
