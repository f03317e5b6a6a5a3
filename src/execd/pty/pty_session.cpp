#include "execd/pty/pty_session.h"

#include <poll.h>
#include <signal.h>

#include <algorithm>
#include <utility>

#include "base/ids.h"
#include "base/log.h"
#include "sys/pidfd.h"

namespace osb::execd {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// A program may change between stdout and stderr with each byte.
constexpr size_t kMaxMarks = 4096;
constexpr size_t kMaxLeftBehind = 256;
constexpr milliseconds kKillTime{5000};
constexpr milliseconds kKillPeriod{20};
constexpr const char* kTerminalType = "xterm-256color";

bool is_gone(const Fd& process) {
  pollfd poll = {process.get(), POLLIN, 0};
  return ::poll(&poll, 1, 0) == 1;
}

}  // namespace

PtySession::PtySession(net::asio::any_io_executor executor, Reaper& reaper, PtyRequest request,
                       std::shared_ptr<const PtySettings> settings)
    : executor_(executor),
      reaper_(reaper),
      id_(new_uuid()),
      request_(std::move(request)),
      settings_(std::move(settings)),
      ring_(std::max<size_t>(settings_->options.replay_bytes, 2)),
      changed_(executor) {}

PtySession::~PtySession() {
  if (running()) shell_->kill();
}

// The environment is read anew for each life: variables that a client has set since are there.
sys::ChildSpec PtySession::child(PtyMode mode) const {
  Environment environment = command_environment(settings_->commands.environment, {});
  if (mode == PtyMode::pty && environment["TERM"].empty()) environment["TERM"] = kTerminalType;
  sys::ChildSpec out;
  out.program = find_shell(environment);
  if (out.program.ends_with("bash")) {
    out.argv = {"bash", "--norc", "--noprofile"};
  } else {
    out.argv = {"sh"};
  }
  if (!request_.command.empty()) out.argv.insert(out.argv.end(), {"-c", request_.command});
  out.env = to_strings(environment);
  out.cwd = request_.cwd;
  out.oom_score_adj = settings_->commands.oom_score_adj;
  out.open_files = settings_->commands.open_files;
  return out;
}

PtyShell::Listener PtySession::listener() {
  auto with = [weak = weak_from_this()](auto action) {
    return [weak, action]<class... Arguments>(Arguments... arguments) {
      if (auto self = weak.lock()) action(*self, arguments...);
    };
  };
  PtyShell::Listener out;
  out.room = [weak = weak_from_this()] {
    auto self = weak.lock();
    return self ? self->room() : SIZE_MAX;
  };
  out.output =
      with([](PtySession& self, Output kind, std::string_view bytes) { self.take_output(kind, bytes); });
  out.ended = with([](PtySession& self) { self.shell_ended(); });
  out.input.progressed = with([](PtySession& self) { self.changed_.notify(); });
  out.input.failed = with([](PtySession& self, const Error& cause) {
    if (self.holder_) self.holder_->input_failed(cause);
    self.changed_.notify();
  });
  return out;
}

void PtySession::start(PtyMode mode) {
  if (removed_)
    throw Error(ErrorCode::not_found, "starting a shell: pty session " + id_ + " was deleted",
                "SESSION_GONE");
  if (alive()) return;
  shell_ = PtyShell::start(executor_, reaper_, child(mode), mode, listener());
  life_++;
  touch();
}

size_t PtySession::room() const {
  if (!holder_ || !holder_->live) return SIZE_MAX;
  if (marks_.size() >= kMaxMarks) return 0;
  size_t lag =
      std::min(settings_->options.lag_bytes, std::max<size_t>(settings_->options.replay_bytes, 2) / 2);
  uint64_t behind = ring_.end() - holder_->next;
  return behind < lag ? lag - behind : 0;
}

void PtySession::take_output(Output kind, std::string_view bytes) {
  if (holder_ && holder_->live && (marks_.empty() || marks_.back().kind != kind))
    marks_.push_back({ring_.end(), kind});
  ring_.append(bytes);
  changed_.notify();
}

void PtySession::shell_ended() {
  ended_life_ = life_;
  keep(shell_->take_left_behind());
  touch();
  changed_.notify();
}

void PtySession::keep(std::vector<Fd> left_behind) {
  std::erase_if(left_behind_, is_gone);
  for (Fd& process : left_behind) {
    if (left_behind_.size() >= kMaxLeftBehind) {
      log_warn("a terminal session has left behind more processes than it can end", {{"session", id_}});
      return;
    }
    if (!is_gone(process)) left_behind_.push_back(std::move(process));
  }
}

void PtySession::set_holder(std::shared_ptr<PtyAttachment> client) {
  auto before = std::exchange(holder_, std::move(client));
  marks_.clear();
  if (before) before->evict();
  if (shell_) shell_->resume();
  changed_.notify();
}

void PtySession::release_holder(const PtyAttachment* client) {
  if (holder_.get() != client) return;
  holder_.reset();
  marks_.clear();
  if (shell_) shell_->resume();
  touch();
}

bool PtySession::add_viewer(PtyAttachment* client) {
  if (viewers_.size() >= settings_->options.viewers) return false;
  viewers_.push_back(client);
  return true;
}

void PtySession::remove_viewer(PtyAttachment* client) {
  std::erase(viewers_, client);
  touch();
}

void PtySession::begin_live() {
  marks_.clear();
  holder_->next = ring_.end();
  holder_->live = true;
}

PtySession::Run PtySession::run_at(uint64_t offset) {
  while (marks_.size() > 1 && marks_[1].begin <= offset) marks_.pop_front();
  uint64_t end = marks_.size() > 1 ? marks_[1].begin : ring_.end();
  return {marks_.empty() ? Output::out : marks_.front().kind, static_cast<size_t>(end - offset)};
}

void PtySession::holder_progressed() {
  if (shell_) shell_->resume();
}

net::task<> PtySession::end(std::shared_ptr<PtySession> self) {
  self->removed_ = true;
  auto limit = steady_clock::now() + kKillTime;
  bool was_running = self->running();
  // Again and again: something may fork while we look. A process that was killed but not reaped is still
  // seen.
  while (was_running && self->shell_->kill() + (self->running() ? 1 : 0) > 0 && steady_clock::now() < limit)
    co_await self->changed_.wait_for(kKillPeriod);
  for (const Fd& process : self->left_behind_) sys::send_signal(process, SIGKILL);
  self->changed_.notify();
}

void PtySession::say_goodbye() {
  if (holder_) holder_->say_goodbye();
  for (PtyAttachment* viewer : viewers_) viewer->say_goodbye();
}

}  // namespace osb::execd
