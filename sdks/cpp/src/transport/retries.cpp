#include "transport/retries.h"

#include <algorithm>
#include <random>

#include "wire/answer_error.h"

namespace opensandbox::detail {

std::optional<Milliseconds> Retries::after(const Reply& reply) {
  if (!call_.idempotent() || !call_.replayable() || !policy_.statuses.contains(reply.status))
    return std::nullopt;
  auto wanted = retry_after(reply);
  if (wanted) wanted = std::min<Milliseconds>(*wanted, std::chrono::seconds(60));
  return again(reply.status, "HTTP " + std::to_string(reply.status), wanted);
}

std::optional<Milliseconds> Retries::after(const Failure& failure) {
  using enum Failure::Cause;
  if (failure.cause() == cancelled || failure.cause() == untrusted || !call_.replayable())
    return std::nullopt;
  if (failure.cause() != not_sent && !call_.idempotent()) return std::nullopt;
  return again(0, failure.what(), std::nullopt);
}

std::optional<Milliseconds> Retries::again(int status, std::string reason,
                                           std::optional<Milliseconds> pause) {
  if (used_ >= policy_.max_retries) return std::nullopt;
  Milliseconds time = pause ? *pause : next_pause();
  ++used_;
  if (policy_.on_retry) policy_.on_retry({used_, call_.method, url_, status, std::move(reason), time});
  return time;
}

// Between the first pause and three times the last one, at random, so that many clients do not come back
// together.
Milliseconds Retries::next_pause() {
  thread_local std::minstd_rand random{std::random_device{}()};
  auto most = std::max(policy_.first_pause, last_ * 3);
  std::uniform_int_distribution<long long> between(policy_.first_pause.count(), most.count());
  last_ = std::min(policy_.longest_pause, Milliseconds(between(random)));
  return last_;
}

}  // namespace opensandbox::detail
