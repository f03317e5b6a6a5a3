// One sandbox as the server knows it.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "runtime/runtime.h"
#include "server/async_lock.h"
#include "store/sandboxes.h"

namespace osb::server {

// Shared by the catalogue and by operations that are waiting in the middle.
struct Record {
  explicit Record(net::asio::any_io_executor executor) : lock(std::move(executor)) {}

  const std::string& id() const { return row.sandbox.id; }
  bool live() const { return row.phase == store::Phase::running || row.phase == store::Phase::paused; }

  store::SandboxRow row;  // changed only through Catalogue::commit
  AsyncLock lock;         // held while the runtime works on the sandbox
  bool removed = false;   // no longer in the catalogue; seen by operations that waited for the lock
  // The sandbox ended before its create was finished.
  std::optional<runtime::Sandbox> early_exit;

  // JSON of GET, kept until the row changes.
  const std::string& json();
  void forget_json() { json_.clear(); }

 private:
  std::string json_;
};

using RecordPtr = std::shared_ptr<Record>;

}  // namespace osb::server
