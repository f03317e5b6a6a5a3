// Bytes that all journals of the daemon keep together. Whoever owns the budget makes room when it is
// exceeded. Used from one loop.
#pragma once

#include <cstddef>
#include <functional>
#include <utility>

namespace osb::execd {

class JournalBudget {
 public:
  explicit JournalBudget(size_t limit) : limit_(limit) {}
  JournalBudget(const JournalBudget&) = delete;

  // Runs whenever more is used than allowed. Nothing but shrinking journals may be done in it.
  void on_exceeded(std::function<void()> listener) { exceeded_ = std::move(listener); }

  size_t used() const { return used_; }
  size_t limit() const { return limit_; }
  void take(size_t bytes) {
    used_ += bytes;
    if (used_ > limit_ && exceeded_) exceeded_();
  }
  void give_back(size_t bytes) { used_ -= bytes; }

 private:
  size_t limit_;
  size_t used_ = 0;
  std::function<void()> exceeded_;
};

}  // namespace osb::execd
