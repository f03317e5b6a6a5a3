// Deadlines of all streams of one loop behind a single timer. Setting one is a clock read and a store: the
// timer is only re-armed when a deadline is earlier than what it is armed for, and when it fires it looks at
// every stream. Precision is kTick; use timers for anything finer.
#pragma once

#include <chrono>

#include <boost/asio/execution_context.hpp>
#include <boost/asio/steady_timer.hpp>

namespace osb::net {

namespace asio = boost::asio;

class Deadlines : public asio::execution_context::service {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr auto kNever = Clock::time_point::max();
  static constexpr auto kTick = std::chrono::milliseconds(20);

  // Something with two deadlines. Registered while it exists.
  class Entry {
   public:
    explicit Entry(Deadlines& deadlines);
    virtual ~Entry();
    Entry(const Entry&) = delete;

    // Zero means none.
    void set_read(std::chrono::milliseconds after) { set(read_, after); }
    void set_write(std::chrono::milliseconds after) { set(write_, after); }
    bool read_passed() const { return read_ != kNever && Clock::now() >= read_; }
    bool write_passed() const { return write_ != kNever && Clock::now() >= write_; }

   protected:
    // Called once per passed deadline, from the loop; must not destroy any entry.
    virtual void read_expired() = 0;
    virtual void write_expired() = 0;

   private:
    friend class Deadlines;
    void set(Clock::time_point& which, std::chrono::milliseconds after);

    Deadlines& deadlines_;
    Entry* previous_ = nullptr;
    Entry* next_ = nullptr;
    Clock::time_point read_ = kNever;
    Clock::time_point write_ = kNever;
    bool read_told_ = false;
    bool write_told_ = false;
  };

  static asio::execution_context::id id;
  explicit Deadlines(asio::execution_context& context);

 private:
  void shutdown() override {}
  void arm(Clock::time_point at);
  void disarm();
  void fire();

  Entry* first_ = nullptr;
  asio::steady_timer timer_;
  Clock::time_point armed_for_ = kNever;
};

}  // namespace osb::net
