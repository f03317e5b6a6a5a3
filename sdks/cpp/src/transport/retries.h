// Whether a request is sent again, and after which pause. No I/O.
#pragma once

#include <opensandbox/connection.h>

#include <chrono>
#include <optional>

#include "transport/failure.h"
#include "transport/request.h"

namespace opensandbox::detail {

class Retries {
 public:
  Retries(const RetryPolicy& policy, const Call& call, std::string url)
      : policy_(policy), call_(call), url_(std::move(url)), last_(policy.first_pause) {}

  // The pause, or nothing when the answer or failure stands. Tells RetryPolicy::on_retry.
  std::optional<Milliseconds> after(const Reply& reply);
  std::optional<Milliseconds> after(const Failure& failure);

 private:
  std::optional<Milliseconds> again(int status, std::string reason, std::optional<Milliseconds> pause);
  Milliseconds next_pause();

  const RetryPolicy& policy_;
  const Call& call_;
  std::string url_;
  int used_ = 0;
  Milliseconds last_;
};

}  // namespace opensandbox::detail
