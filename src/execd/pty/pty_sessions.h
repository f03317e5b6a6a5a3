// All terminal sessions of the daemon. Their number is bounded: where there is no room, the session that was
// used least lately of those without a shell and without a client makes some. Such sessions are also
// forgotten after the idle time; one whose shell runs never is.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "execd/pty/pty_session.h"
#include "execd/retention.h"

namespace osb::execd {

class PtySessions {
 public:
  PtySessions(net::asio::any_io_executor executor, Reaper& reaper, PtySettings settings);
  PtySessions(const PtySessions&) = delete;

  // Throws Error(exhausted) when there are too many.
  std::shared_ptr<PtySession> create(PtyRequest request);
  // Throws Error(not_found, "CONTEXT_NOT_FOUND").
  std::shared_ptr<PtySession> find(const std::string& id);
  // Without counting as a use of it.
  bool has(const std::string& id) const { return sessions_.contains(id); }
  // Forgets it, ends its processes, and returns when they are gone. Throws like find().
  net::task<> remove(std::string id);
  // SIGHUP to every shell; returns when all have ended, or after `limit`.
  net::task<> hang_up(std::chrono::milliseconds limit);
  // The daemon ends: clients get what is left, and are told.
  void say_goodbye();

  const CommandDefaults& defaults() const { return settings_->commands; }
  size_t size() const { return sessions_.size(); }

 private:
  void forget_idle();
  std::optional<std::chrono::milliseconds> forget_due();
  void make_room();

  net::asio::any_io_executor executor_;
  Reaper& reaper_;
  std::shared_ptr<const PtySettings> settings_;
  std::map<std::string, std::shared_ptr<PtySession>> sessions_;
  Retention retention_;
};

}  // namespace osb::execd
