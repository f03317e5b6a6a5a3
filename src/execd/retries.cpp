#include "execd/retries.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "base/error.h"

namespace osb::execd {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::minutes kBeginTime{1};

// Tells a retry from another request; nobody gains anything by making two of them look alike.
using Fingerprint = std::pair<size_t, size_t>;
Fingerprint fingerprint_of(const http::Request& request, std::string_view body) {
  std::hash<std::string_view> hash;
  return {hash(request.method + " " + request.path + " " + std::to_string(body.size())), hash(body)};
}

std::string checked_key(std::string_view key) {
  bool printable = std::ranges::all_of(key, [](char c) { return c > ' ' && c < 0x7f; });
  if (key.empty() || key.size() > Retries::kKeyBytes || !printable)
    throw Error(ErrorCode::invalid,
                "reading the request: Idempotency-Key: 1 to 255 printable characters without blanks");
  return std::string(key);
}

}  // namespace

struct Retries::Entry {
  Entry(net::asio::any_io_executor executor, std::string k, Fingerprint f)
      : key(std::move(k)), fingerprint(f), changed(std::move(executor)) {}

  std::string key;
  Fingerprint fingerprint;
  Clock::time_point since = Clock::now();
  std::string begun;            // id of the execution, or of something else; empty until it has begun
  std::function<bool()> lasts;  // null: it is an execution
  bool given_up = false;
  net::Event changed;
};

Retries::Claim::~Claim() {
  if (!entry_) return;
  entry_->given_up = entry_->begun.empty();
  entry_->changed.notify();
}

void Retries::Claim::settle(const Execution& execution) {
  if (entry_) entry_->begun = execution.id;
}

void Retries::Claim::settle(std::string id, std::function<bool()> lasts) {
  if (!entry_) return;
  entry_->begun = std::move(id);
  entry_->lasts = std::move(lasts);
}

Retries::Retries(net::asio::any_io_executor executor, Executions& executions, size_t kept_keys)
    : executor_(std::move(executor)), executions_(executions), kept_keys_(kept_keys) {}

bool Retries::runs(const Entry& entry) {
  if (entry.begun.empty()) return !entry.given_up;
  if (entry.lasts) return entry.lasts();
  auto execution = executions_.find(entry.begun);
  return execution && !execution->journal->closed();
}

void Retries::make_room() {
  auto remove = [this](auto at) {
    by_key_.erase((*at)->key);
    return by_age_.erase(at);
  };
  while (!by_age_.empty() && Clock::now() - by_age_.front()->since > kKeptTime && !runs(*by_age_.front()))
    remove(by_age_.begin());
  for (auto at = by_age_.begin(); at != by_age_.end() && by_age_.size() >= kept_keys_;)
    at = runs(**at) ? std::next(at) : remove(at);
  if (by_age_.size() >= kept_keys_)
    throw Error(ErrorCode::exhausted, "reading the request: too many keys of running executions are kept");
}

void Retries::give_first(const Entry& entry, Claim& claim) {
  if (entry.lasts && entry.lasts()) {
    claim.first_id_ = entry.begun;
    return;
  }
  if (!entry.lasts) claim.first_ = executions_.find(entry.begun);
  if (claim.first_) return;
  throw Error(ErrorCode::conflict, "repeating a request: what the first one began is no longer kept",
              "IDEMPOTENCY_RESULT_GONE");
}

net::task<Retries::Claim> Retries::claim(const http::Request& request, std::string_view body) {
  Claim claim;
  auto given = request.headers.find("Idempotency-Key");
  if (!given) co_return claim;
  std::string key = checked_key(*given);
  Fingerprint fingerprint = fingerprint_of(request, body);
  for (auto found = by_key_.find(key); found != by_key_.end(); found = by_key_.find(key)) {
    std::shared_ptr<Entry> entry = *found->second;
    if (entry->given_up) {
      by_age_.erase(found->second);
      by_key_.erase(found);
      continue;
    }
    if (entry->fingerprint != fingerprint)
      throw Error(ErrorCode::conflict, "reading the request: this Idempotency-Key stands for another request",
                  "IDEMPOTENCY_KEY_REUSED");
    if (!entry->begun.empty()) {
      give_first(*entry, claim);
      co_return claim;
    }
    if (!co_await entry->changed.wait_for(kBeginTime))
      throw Error(ErrorCode::conflict, "repeating a request: the first one is still about to begin",
                  "IDEMPOTENCY_IN_PROGRESS");
  }
  make_room();
  claim.entry_ = std::make_shared<Entry>(executor_, std::move(key), fingerprint);
  by_key_[claim.entry_->key] = by_age_.insert(by_age_.end(), claim.entry_);
  co_return claim;
}

}  // namespace osb::execd
