#include "execd/pty/pty_sessions.h"

#include <signal.h>

#include <utility>
#include <vector>

namespace osb::execd {
namespace {

bool is_idle(const PtySession& session) { return !session.alive() && !session.has_clients(); }

}  // namespace

PtySessions::PtySessions(net::asio::any_io_executor executor, Reaper& reaper, PtySettings settings)
    : executor_(std::move(executor)),
      reaper_(reaper),
      settings_(std::make_shared<const PtySettings>(std::move(settings))),
      retention_(executor_, settings_->options.idle_time, [this] { return forget_due(); }) {}

std::shared_ptr<PtySession> PtySessions::create(PtyRequest request) {
  forget_idle();
  make_room();
  auto session = std::make_shared<PtySession>(executor_, reaper_, std::move(request), settings_);
  sessions_[session->id()] = session;
  retention_.begin();
  return session;
}

std::shared_ptr<PtySession> PtySessions::find(const std::string& id) {
  forget_idle();
  auto found = sessions_.find(id);
  if (found == sessions_.end())
    throw Error(ErrorCode::not_found, "pty session " + id + " not found", "CONTEXT_NOT_FOUND");
  found->second->touch();
  return found->second;
}

net::task<> PtySessions::remove(std::string id) {
  std::shared_ptr<PtySession> session = find(id);
  sessions_.erase(id);
  co_await PtySession::end(session);
}

void PtySessions::forget_idle() {
  auto before = std::chrono::steady_clock::now() - settings_->options.idle_time;
  std::erase_if(sessions_, [&](const auto& entry) {
    return is_idle(*entry.second) && entry.second->last_used() < before;
  });
}

// A session tells nobody when it becomes idle, so all of them are looked at now and then.
std::optional<std::chrono::milliseconds> PtySessions::forget_due() {
  forget_idle();
  if (sessions_.empty()) return std::nullopt;
  return settings_->options.idle_time / 10;
}

void PtySessions::make_room() {
  if (sessions_.size() < settings_->options.sessions) return;
  auto oldest = sessions_.end();
  for (auto at = sessions_.begin(); at != sessions_.end(); ++at)
    if (is_idle(*at->second) &&
        (oldest == sessions_.end() || at->second->last_used() < oldest->second->last_used()))
      oldest = at;
  if (oldest == sessions_.end())
    throw Error(ErrorCode::exhausted,
                "opening a pty session: " + std::to_string(sessions_.size()) + " are in use, end one first");
  sessions_.erase(oldest);
}

net::task<> PtySessions::hang_up(std::chrono::milliseconds limit) {
  std::vector<std::shared_ptr<PtySession>> alive;
  for (const auto& [id, session] : sessions_) {
    if (!session->alive()) continue;
    session->shell()->signal(SIGHUP);
    alive.push_back(session);
  }
  auto end = std::chrono::steady_clock::now() + limit;
  for (const auto& session : alive) {
    while (session->alive()) {
      auto left = std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
      if (left.count() <= 0) co_return;
      co_await session->changed().wait_for(left);
    }
  }
}

void PtySessions::say_goodbye() {
  for (const auto& [id, session] : sessions_) session->say_goodbye();
}

}  // namespace osb::execd
