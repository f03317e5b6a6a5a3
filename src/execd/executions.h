// What runs and ran, by execution id: the journals that clients come back to. Bounded in number, bytes and
// time. The oldest that have ended go first; when only running ones are left, the one that keeps most gives
// up its oldest events (those that a client waits for excepted).
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "execd/journal.h"
#include "execd/retention.h"
#include "net/task.h"

namespace osb::execd {

struct Execution {
  std::string id;
  std::shared_ptr<Journal> journal;
  Framing framing = Framing::lines;  // of the request that began it
  std::string operation;             // what is measured about it; empty: nothing
  std::chrono::steady_clock::time_point began = std::chrono::steady_clock::now();
};

struct ExecutionLimits {
  size_t ended = 1000;                                      // executions
  size_t bytes = 64 * 1024 * 1024;                          // of all journals together
  size_t journal_bytes = Journal::kKeptBytes;               // of one
  std::chrono::milliseconds time = std::chrono::hours(24);  // after its end
};

class Executions {
 public:
  explicit Executions(net::asio::any_io_executor executor, ExecutionLimits limits = {});
  ~Executions();
  Executions(const Executions&) = delete;

  // A new one with an empty journal. `operation` names it for the observer; empty: it is not told.
  std::shared_ptr<Execution> begin(std::string id, std::string operation = {});
  // Told about each execution that has ended.
  using Observer =
      std::function<void(const std::string& operation, bool success, std::chrono::microseconds took)>;
  void observe(Observer observer) { observer_ = std::move(observer); }
  // Null for an id that is not known (any more).
  std::shared_ptr<Execution> find(const std::string& id);
  const JournalBudget& budget() const { return *budget_; }

 private:
  using Clock = std::chrono::steady_clock;
  struct Ended {
    std::string id;
    Clock::time_point at;
  };

  void ended(const std::string& id);
  void tell_observer(const Execution& execution) const;
  void forget_old();
  std::optional<std::chrono::milliseconds> forget_due();
  void forget_oldest();
  void make_room();

  net::asio::any_io_executor executor_;
  ExecutionLimits limits_;
  Observer observer_;
  std::shared_ptr<JournalBudget> budget_;
  std::map<std::string, std::shared_ptr<Execution>> executions_;
  std::deque<Ended> ended_;  // oldest first
  Retention retention_;
  std::shared_ptr<int> alive_ = std::make_shared<int>();  // for journals that outlive us
};

}  // namespace osb::execd
