// The start of Lifecycle: journal and runtime are made to agree before the first request is served.
#include <algorithm>
#include <unordered_map>

#include "base/log.h"
#include "net/timer.h"
#include "server/lifecycle.h"

namespace osb::server {

namespace {
constexpr std::chrono::milliseconds kFirstRetry{200};
constexpr std::chrono::milliseconds kLongestRetry{5000};

bool ended(store::Phase phase) { return phase == store::Phase::terminated || phase == store::Phase::failed; }
}  // namespace

net::task<> Lifecycle::recover() {
  std::chrono::milliseconds pause = kFirstRetry;
  while (!stopped_) {
    bool done = false;
    try {
      co_await recover_once();
      done = true;
    } catch (const Error& e) {
      log_warn("taking over the sandboxes failed; trying again",
               {{"error", e.message()}, {"retry_ms", pause.count()}});
    }
    if (done) {
      recovered_ = true;
      unseen_exits_.clear();
      expiry_.start();
      co_return;
    }
    co_await net::sleep_for(pause);
    pause = std::min(pause * 2, kLongestRetry);
  }
}

net::task<> Lifecycle::recover_once() {
  co_await runtime_.start();
  std::vector<runtime::Sandbox> held = co_await runtime_.list();
  std::unordered_map<std::string, const runtime::Sandbox*> unknown;
  for (const runtime::Sandbox& sandbox : held) unknown[sandbox.id] = &sandbox;

  size_t adopted = 0;
  size_t reaped = 0;
  std::vector<store::SandboxRow> rows = store_.load();
  for (store::SandboxRow& row : rows) {
    auto found = unknown.find(row.sandbox.id);
    const runtime::Sandbox* sandbox = found == unknown.end() ? nullptr : found->second;
    if (found != unknown.end()) unknown.erase(found);
    if (catalogue_.find(row.sandbox.id)) continue;  // an earlier try came this far
    bool kept = co_await recover_row(std::move(row), sandbox);
    (kept ? adopted : reaped)++;
  }
  for (const auto& [id, sandbox] : unknown) {
    if (catalogue_.find(id)) continue;
    log_warn("removing a sandbox that no journal knows", {{"sandbox", id}});
    store::SandboxRow row;
    row.sandbox.id = id;
    row.sandbox.created_at = now();
    co_await reap(std::move(row));
    reaped++;
  }
  log_info("sandboxes taken over", {{"adopted", adopted}, {"reaped", reaped}});
}

// False when the sandbox is gone afterwards.
net::task<bool> Lifecycle::recover_row(store::SandboxRow row, const runtime::Sandbox* sandbox) {
  bool unfinished = row.phase == Phase::creating || row.phase == Phase::deleting;
  bool expired = row.sandbox.expires_at && *row.sandbox.expires_at <= now();
  if (unfinished || expired) {
    co_await reap(std::move(row));
    co_return false;
  }
  adopt(std::move(row), sandbox);
  co_return true;
}

// One that cannot be removed now must not keep all others from being served: it is shown as being removed,
// and tried again. Throws Error(unavailable) when the runtime is not there at all.
net::task<> Lifecycle::reap(store::SandboxRow row) {
  std::optional<Error> failure;
  try {
    co_await runtime_.destroy(row.sandbox.id);
    store_.remove(row.sandbox.id);
  } catch (const Error& e) {
    if (e.code() == ErrorCode::unavailable) throw;
    failure = e;
  }
  if (!failure) co_return;
  log_error("removing a sandbox failed; trying again",
            {{"sandbox", row.sandbox.id}, {"error", failure->message()}});
  row.phase = Phase::deleting;
  row.sandbox.status = {store::state_of(row.phase), "DELETING", "The sandbox is being removed.", now()};
  auto record = std::make_shared<Record>(executor_);
  record->row = std::move(row);
  catalogue_.insert(record);
  expiry_.set(record->id(), now() + kRetryRemoval);
}

void Lifecycle::adopt(store::SandboxRow row, const runtime::Sandbox* sandbox) {
  auto record = std::make_shared<Record>(executor_);
  record->row = std::move(row);
  bring_up_to_date(*record, sandbox);
  // Last: a row that could not be journalled is looked at again by the next try.
  catalogue_.restore(record);
  expiry_.set(record->id(), record->row.sandbox.expires_at);
}

void Lifecycle::bring_up_to_date(Record& record, const runtime::Sandbox* sandbox) {
  if (ended(record.row.phase)) return;
  if (auto late = unseen_exits_.find(record.id()); late != unseen_exits_.end()) {
    record_end(record, late->second);
  } else if (!sandbox) {
    commit_phase(record, Phase::failed, "SANDBOX_LOST", "The sandbox ended while no server was watching.");
  } else if (sandbox->state == runtime::State::exited) {
    record_end(record, *sandbox);
  } else {
    Phase phase = sandbox->state == runtime::State::paused ? Phase::paused : Phase::running;
    store::SandboxRow next = record.row;
    next.address = sandbox->address;
    if (phase != next.phase || next.address != record.row.address) catalogue_.commit(record, next);
    if (phase == Phase::paused && record.row.phase != phase)
      commit_phase(record, phase, "CONTAINER_PAUSED", "The sandbox is paused.");
    if (phase == Phase::running && record.row.phase != phase)
      commit_phase(record, phase, "CONTAINER_RUNNING", "The sandbox is running.");
  }
}

}  // namespace osb::server
