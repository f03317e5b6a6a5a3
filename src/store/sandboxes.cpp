#include "store/sandboxes.h"

#include <array>

#include "base/json.h"
#include "base/log.h"
#include "store/schema.h"

namespace osb::store {

namespace {

constexpr std::array<std::string_view, 6> kPhases = {"creating",   "running", "paused",
                                                     "terminated", "failed",  "deleting"};

Phase phase_of(std::string_view text) {
  for (size_t i = 0; i < kPhases.size(); i++)
    if (kPhases[i] == text) return static_cast<Phase>(i);
  throw Error(ErrorCode::internal, "unknown phase " + std::string(text));
}

template <class T>
std::string json_of(const T& value) {
  return json::serialize(json::write(value));
}

template <class T>
T read_json(const std::string& text) {
  return json::read<T>(json::parse(text));
}

using TextMap = std::map<std::string, std::string>;

SandboxRow read_row(const Statement& from) {
  SandboxRow row;
  api::Sandbox& sandbox = row.sandbox;
  sandbox.id = from.text(0);
  row.phase = phase_of(from.text(1));
  sandbox.image = from.text(2);
  if (std::string os = from.text(3); !os.empty()) sandbox.platform = api::Platform{os, from.text(4)};
  sandbox.status.state = state_of(row.phase);
  sandbox.status.reason = from.text(5);
  sandbox.status.message = from.text(6);
  sandbox.status.last_transition_at = from_unix_us(from.number(7));
  sandbox.metadata = read_json<TextMap>(from.text(8));
  sandbox.extensions = read_json<TextMap>(from.text(9));
  sandbox.entrypoint = read_json<std::vector<std::string>>(from.text(10));
  row.limits = read_json<TextMap>(from.text(11));
  if (auto expires = from.optional_number(12)) sandbox.expires_at = from_unix_us(*expires);
  sandbox.created_at = from_unix_us(from.number(13));
  row.token = from.text(14);
  row.address = from.text(15);
  return row;
}

}  // namespace

std::string_view to_string(Phase phase) { return kPhases.at(static_cast<size_t>(phase)); }

api::SandboxState state_of(Phase phase) {
  switch (phase) {
    case Phase::creating:
      return api::SandboxState::pending;
    case Phase::running:
      return api::SandboxState::running;
    case Phase::paused:
      return api::SandboxState::paused;
    case Phase::terminated:
      return api::SandboxState::terminated;
    case Phase::failed:
      return api::SandboxState::failed;
    case Phase::deleting:
      return api::SandboxState::stopping;
  }
  return api::SandboxState::failed;
}

SandboxStore::SandboxStore(Database& database)
    : database_((migrate(database), database)),
      put_(database, "INSERT OR REPLACE INTO sandboxes VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"),
      remove_(database, "DELETE FROM sandboxes WHERE id = ?") {}

void SandboxStore::put(const SandboxRow& row) {
  const api::Sandbox& sandbox = row.sandbox;
  std::optional<int64_t> expires;
  if (sandbox.expires_at) expires = unix_us(*sandbox.expires_at);
  put_.bind(1, sandbox.id);
  put_.bind(2, to_string(row.phase));
  put_.bind(3, sandbox.image);
  put_.bind(4, sandbox.platform ? sandbox.platform->os : "");
  put_.bind(5, sandbox.platform ? sandbox.platform->arch : "");
  put_.bind(6, sandbox.status.reason);
  put_.bind(7, sandbox.status.message);
  put_.bind(8, unix_us(sandbox.status.last_transition_at));
  put_.bind(9, json_of(sandbox.metadata));
  put_.bind(10, json_of(sandbox.extensions));
  put_.bind(11, json_of(sandbox.entrypoint));
  put_.bind(12, json_of(row.limits));
  put_.bind(13, expires);
  put_.bind(14, unix_us(sandbox.created_at));
  put_.bind(15, row.token);
  put_.bind(16, row.address);
  put_.run();
}

void SandboxStore::remove(std::string_view id) {
  remove_.bind(1, id);
  remove_.run();
}

std::vector<SandboxRow> SandboxStore::load() {
  std::vector<SandboxRow> rows;
  Statement all(
      database_,
      "SELECT id, phase, image, platform_os, platform_arch, reason, message, transition_us, metadata,"
      " extensions, entrypoint, limits, expires_us, created_us, token, address FROM sandboxes"
      " ORDER BY created_us, id");
  while (all.step()) {
    try {
      rows.push_back(read_row(all));
    } catch (const Error& e) {
      log_error("reading a sandbox from the journal failed",
                {{"sandbox", all.text(0)}, {"error", e.message()}});
    }
  }
  return rows;
}

}  // namespace osb::store
