// Runs a function at scope exit, unless dismissed. For the one-off clean-up that has no RAII noun.
#pragma once

#include <utility>

namespace osb {

template <class F>
class [[nodiscard]] Defer {
 public:
  explicit Defer(F run) : run_(std::move(run)) {}
  Defer(const Defer&) = delete;
  Defer& operator=(const Defer&) = delete;
  ~Defer() {
    if (armed_) run_();
  }
  void dismiss() { armed_ = false; }

 private:
  F run_;
  bool armed_ = true;
};

}  // namespace osb
