#include "server/lifecycle.h"

#include <fmt/core.h>

#include "base/ids.h"
#include "base/log.h"
#include "server/runtime_errors.h"

namespace osb::server {

Lifecycle::Lifecycle(net::asio::any_io_executor executor, Catalogue& catalogue, store::SandboxStore& store,
                     runtime::Runtime& runtime)
    : executor_(executor),
      catalogue_(catalogue),
      store_(store),
      runtime_(runtime),
      expiry_(executor, [this](std::string id) { return expire(std::move(id)); }) {
  runtime_.on_exit([this](const runtime::Sandbox& sandbox) { on_exit(sandbox); });
}

Lifecycle::~Lifecycle() { runtime_.on_exit({}); }

void Lifecycle::stop() {
  stopped_ = true;
  expiry_.stop();
}

void Lifecycle::commit_phase(Record& record, Phase phase, std::string_view reason, std::string message) {
  store::SandboxRow next = record.row;
  next.phase = phase;
  next.sandbox.status = {store::state_of(phase), std::string(reason), std::move(message), now()};
  catalogue_.commit(record, std::move(next));
}

RecordPtr Lifecycle::new_record(const CreatePlan& plan) {
  auto record = std::make_shared<Record>(executor_);
  store::SandboxRow& row = record->row;
  row.phase = Phase::creating;
  if (plan.access_token) row.token = new_token();
  row.limits = plan.resource_limits;
  api::Sandbox& sandbox = row.sandbox;
  sandbox.id = new_uuid();
  sandbox.image = plan.image;
  sandbox.platform = plan.platform;
  sandbox.metadata = plan.metadata;
  sandbox.extensions = plan.extensions;
  sandbox.entrypoint = plan.entrypoint;
  sandbox.created_at = from_unix_us(unix_us(now()));
  if (plan.timeout_seconds)
    sandbox.expires_at = sandbox.created_at + std::chrono::seconds(*plan.timeout_seconds);
  sandbox.status = {api::SandboxState::pending, "CONTAINER_STARTING", "The sandbox is being started.",
                    sandbox.created_at};
  return record;
}

net::task<RecordPtr> Lifecycle::create(CreatePlan plan) {
  RecordPtr record = new_record(plan);
  runtime::Image image;
  try {
    image = runtime_.resolve_image(plan.image);
  } catch (const Error& e) {
    throw image_error(e);
  }
  if (!image.alias_of_request.empty())
    log_info("an image name is an alias", {{"requested", plan.image}, {"image", image.name}});

  AsyncLock::Guard guard = co_await record->lock.acquire();
  catalogue_.insert(record);
  std::optional<Error> failure;
  try {
    runtime::SandboxSpec spec{record->id(),        std::move(image), std::move(plan.argv),
                              std::move(plan.env), plan.limits,      record->row.token};
    runtime::Sandbox sandbox = co_await runtime_.create(std::move(spec));
    became_running(*record, sandbox);
  } catch (const Error& e) {
    failure = create_error(e);
  } catch (const std::exception& e) {
    failure.emplace(ErrorCode::internal, fmt::format("starting a sandbox: {}", e.what()),
                    "DOCKER::SANDBOX_START_FAILED");
  }
  if (failure) {
    co_await clean_up(*record);
    throw *failure;
  }
  expiry_.set(record->id(), record->row.sandbox.expires_at);
  co_return record;
}

// After a failed create: nothing may be left. What cannot be removed now is tried again later.
net::task<> Lifecycle::clean_up(Record& record) {
  bool gone = false;
  try {
    co_await take_away(record);
    gone = true;
  } catch (const Error&) {  // take_away has logged it
  }
  if (gone) co_return;
  commit_phase(record, Phase::deleting, "DELETING", "The sandbox could not be started and is being removed.");
  expiry_.set(record.id(), now() + kRetryRemoval);
}

void Lifecycle::became_running(Record& record, const runtime::Sandbox& sandbox) {
  store::SandboxRow next = record.row;
  next.phase = Phase::running;
  next.address = sandbox.address;
  next.sandbox.status = {api::SandboxState::running, "CONTAINER_RUNNING", "The sandbox is running.", now()};
  catalogue_.commit(record, std::move(next));
  if (record.early_exit) record_end(record, *record.early_exit);
}

// Destroys the sandbox and forgets it. A failure to destroy leaves the intent in the journal for the next
// start.
net::task<> Lifecycle::take_away(Record& record) {
  expiry_.set(record.id(), std::nullopt);
  std::optional<Error> failure;
  try {
    co_await runtime_.destroy(record.id());
    catalogue_.remove(record);
  } catch (const Error& e) {
    failure = e;
  }
  if (!failure) co_return;
  log_error("removing a sandbox failed", {{"sandbox", record.id()}, {"error", failure->message()}});
  throw Error(failure->code(), "removing the sandbox: " + failure->message(),
              "DOCKER::SANDBOX_DELETE_FAILED");
}

net::task<> Lifecycle::remove(std::string id) {
  RecordPtr record = catalogue_.require(id);
  AsyncLock::Guard guard = co_await record->lock.acquire();
  if (record->removed) catalogue_.require(id);  // throws
  store::SandboxRow before = record->row;
  commit_phase(*record, Phase::deleting, "DELETING", "The sandbox is being removed.");
  bool gone = false;
  std::optional<Error> failure;
  try {
    co_await take_away(*record);
    gone = true;
  } catch (const Error& e) {
    failure = e;
  }
  if (gone) co_return;
  bool retried = before.phase == Phase::deleting;  // an expiry or clean-up that failed goes on trying
  expiry_.set(id, retried ? now() + kRetryRemoval : before.sandbox.expires_at);
  catalogue_.commit(*record, std::move(before));
  if (record->early_exit && !retried) record_end(*record, *record->early_exit);
  throw *failure;
}

net::task<> Lifecycle::expire(std::string id) {
  RecordPtr record = catalogue_.find(id);
  if (!record) co_return;
  std::optional<AsyncLock::Guard> guard;
  try {
    guard.emplace(co_await record->lock.acquire());
  } catch (const Error& e) {
    log_error("an expired sandbox is busy; trying again", {{"sandbox", id}, {"error", e.message()}});
  }
  if (!guard) {  // the deadline was forgotten when it passed
    expiry_.set(id, now() + kRetryRemoval);
    co_return;
  }
  if (record->removed) co_return;
  const auto& deadline = record->row.sandbox.expires_at;
  bool retried = record->row.phase == Phase::deleting;
  if (!retried && (!deadline || *deadline > now())) {  // renewed while we waited
    expiry_.set(id, deadline);
    co_return;
  }
  bool failed = false;
  try {
    commit_phase(*record, Phase::deleting, "EXPIRED", "The sandbox reached its expiration time.");
    co_await take_away(*record);
    log_info("a sandbox expired", {{"sandbox", id}});
  } catch (const Error& e) {
    log_error("removing an expired sandbox failed", {{"sandbox", id}, {"error", e.message()}});
    failed = true;
  }
  if (failed) expiry_.set(id, now() + kRetryRemoval);
}

net::task<> Lifecycle::pause(std::string id) {
  RecordPtr record = catalogue_.require(id);
  AsyncLock::Guard guard = co_await record->lock.acquire();
  if (record->removed) catalogue_.require(id);
  if (record->row.phase != Phase::running)
    throw Error(ErrorCode::conflict, "pausing sandbox " + id + ": it is not running",
                "DOCKER::SANDBOX_NOT_RUNNING");
  try {
    co_await runtime_.pause(id);
  } catch (const Error& e) {
    throw change_error(e, "pausing", "DOCKER::SANDBOX_NOT_RUNNING", "DOCKER::SANDBOX_PAUSE_FAILED");
  }
  if (record->row.phase == Phase::running)  // it may have ended meanwhile
    commit_phase(*record, Phase::paused, "CONTAINER_PAUSED", "The sandbox is paused.");
}

net::task<> Lifecycle::resume(std::string id) {
  RecordPtr record = catalogue_.require(id);
  AsyncLock::Guard guard = co_await record->lock.acquire();
  if (record->removed) catalogue_.require(id);
  if (record->row.phase != Phase::paused)
    throw Error(ErrorCode::conflict, "resuming sandbox " + id + ": it is not paused",
                "DOCKER::SANDBOX_NOT_PAUSED");
  try {
    co_await runtime_.resume(id);
  } catch (const Error& e) {
    throw change_error(e, "resuming", "DOCKER::SANDBOX_NOT_PAUSED", "DOCKER::SANDBOX_RESUME_FAILED");
  }
  if (record->row.phase == Phase::paused)
    commit_phase(*record, Phase::running, "CONTAINER_RUNNING", "The sandbox is running.");
}

RecordPtr Lifecycle::require_settled(const std::string& id) const {
  RecordPtr record = catalogue_.require(id);
  if (record->row.phase == Phase::deleting)
    throw Error(ErrorCode::not_found, "sandbox " + id + " is being removed", "DOCKER::SANDBOX_NOT_FOUND");
  return record;
}

TimePoint Lifecycle::renew(const std::string& id, TimePoint expires_at) {
  RecordPtr record = require_settled(id);
  if (expires_at <= now())
    throw Error(ErrorCode::invalid, "the new expiration time must be in the future",
                "DOCKER::INVALID_EXPIRATION");
  if (!record->row.sandbox.expires_at)
    throw Error(ErrorCode::conflict, "sandbox " + id + " has no timeout that could be renewed",
                "DOCKER::INVALID_EXPIRATION");
  store::SandboxRow next = record->row;
  next.sandbox.expires_at = from_unix_us(unix_us(expires_at));
  catalogue_.commit(*record, std::move(next));
  if (record->row.phase != Phase::creating) expiry_.set(id, record->row.sandbox.expires_at);
  return *record->row.sandbox.expires_at;
}

RecordPtr Lifecycle::patch_metadata(const std::string& id, const api::LabelPatch& patch) {
  RecordPtr record = require_settled(id);
  store::SandboxRow next = record->row;
  api::apply_label_patch(next.sandbox.metadata, patch);
  catalogue_.commit(*record, std::move(next));
  return record;
}

void Lifecycle::record_end(Record& record, const runtime::Sandbox& sandbox) {
  bool good = sandbox.exit_code == 0;
  std::string why = sandbox.exit_reason;
  if (why.empty() && sandbox.exit_code) why = fmt::format("exit status {}", *sandbox.exit_code);
  std::string message =
      sandbox.exit_code ? fmt::format("The entrypoint ended with exit code {} ({}).", *sandbox.exit_code, why)
                        : fmt::format("The sandbox ended: {}.", why.empty() ? "unknown cause" : why);
  commit_phase(record, good ? Phase::terminated : Phase::failed,
               good ? "CONTAINER_EXITED" : "CONTAINER_EXITED_ERROR", std::move(message));
}

void Lifecycle::on_exit(const runtime::Sandbox& sandbox) {
  RecordPtr record = catalogue_.find(sandbox.id);
  if (!record) {
    if (!recovered_) unseen_exits_.insert_or_assign(sandbox.id, sandbox);
    return;
  }
  if (record->row.phase == Phase::creating || record->row.phase == Phase::deleting)
    record->early_exit = sandbox;
  if (!record->live()) return;
  try {
    record_end(*record, sandbox);
    log_info("a sandbox ended", {{"sandbox", sandbox.id}, {"message", record->row.sandbox.status.message}});
  } catch (const Error& e) {
    log_error("noting the end of a sandbox failed", {{"sandbox", sandbox.id}, {"error", e.message()}});
  }
}

}  // namespace osb::server
