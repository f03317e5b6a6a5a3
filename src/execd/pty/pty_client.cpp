#include "execd/pty/pty_client.h"

#include <algorithm>
#include <utility>

#include "base/defer.h"

namespace osb::execd {
namespace {

using http::CloseCode;
using http::Opcode;
using std::chrono::milliseconds;

constexpr auto kTakenOver = static_cast<CloseCode>(4001);
constexpr std::string_view kGoodbye = "the daemon ends";
constexpr size_t kPieceBytes = 32 * 1024;
// Input that the shell has not read yet, above which nothing is read from the client.
constexpr size_t kInputBytes = 256 * 1024;
constexpr milliseconds kLookAgain{1000};
// A shell that ends cannot be written to before we hear of its end.
constexpr milliseconds kEndTime{500};
// A shell that was hung up may still print, at the end of the daemon.
constexpr milliseconds kLastWords{100};
constexpr int kRefusals = 5;

}  // namespace

PtyClient::PtyClient(std::shared_ptr<PtySession> session, PtyRole role, uint64_t since)
    : session_(std::move(session)), role_(role), since_(since) {}

net::task<> PtyClient::serve(std::shared_ptr<PtyClient> self, http::Request& request,
                             http::ResponseWriter& response, PtyMode mode, bool takeover) {
  Defer leave([self] { self->leave(); });
  self->socket_ = co_await http::WebSocket::accept(request, response);
  if (takeover && !self->evicted_ && self->session_->holder() != self.get()) self->session_->set_holder(self);
  if (self->evicted_) self->evict();
  if (self->goodbye_) self->socket_->close(CloseCode::going_away, kGoodbye);
  std::optional<Error> failure;
  if (!self->begin(mode, failure)) {
    self->leave();
    co_await self->fail(*failure, failure->wire() == "SESSION_GONE" ? "SESSION_GONE" : "START_FAILED");
  }
  while (auto message = co_await self->socket_->receive()) {
    try {
      co_await self->take(std::move(*message));
    } catch (const Error&) {
      // the connection is over, or was closed while an answer was due: receive() knows
    }
  }
  self->leave();
  co_await self->socket_->finish();
}

void PtyClient::leave() {
  session_->release_holder(this);
  session_->remove_viewer(this);
  session_->changed().notify();
}

void PtyClient::evict() {
  evicted_ = true;
  if (socket_) socket_->close(kTakenOver, "TAKEN_OVER");
}

void PtyClient::input_failed(const Error& cause) { input_failure_ = cause; }

void PtyClient::say_goodbye() {
  if (!goodbye_) goodbye_ = std::chrono::steady_clock::now() + kLastWords;
  session_->changed().notify();
}

// From here to begin_live() nothing is awaited: what is replayed and what is live meet without gap or
// overlap.
bool PtyClient::begin(PtyMode mode, std::optional<Error>& failure) {
  if (!socket_->open()) return true;
  try {
    if (role_ == PtyRole::holder) session_->start(mode);
  } catch (const Error& error) {
    failure = error;
    return false;
  }
  life_ = std::max<uint64_t>(session_->life(), 1);
  const ReplayRing& ring = session_->output();
  next = std::clamp(since_, ring.first(), ring.end());
  std::string replay;
  if (next < ring.end()) replay = replay_frame(next, ring.read(next, SIZE_MAX));
  next = ring.end();
  if (role_ == PtyRole::holder) session_->begin_live();
  net::spawn(session_->executor(), "terminal client", send_output(shared_from_this(), std::move(replay)));
  return true;
}

net::task<> PtyClient::send_output(std::shared_ptr<PtyClient> self, std::string replay) {
  try {
    if (!replay.empty()) co_await self->socket_->send(Opcode::binary, std::move(replay));
    co_await self->socket_->send(Opcode::text,
                                 connected_frame(self->session_->id(), self->session_->mode(), self->role_));
    while (self->socket_->open() && co_await self->send_next()) {}
  } catch (const Error&) {
    // the connection is over; whoever receives notices
  }
}

// Sends a piece, or waits for one. False after the end was sent.
net::task<bool> PtyClient::send_next() {
  const ReplayRing& ring = session_->output();
  next = std::max(next, ring.first());  // only a viewer can have been overtaken
  if (next == ring.end()) {
    bool nothing_to_come = session_->ended_for_good() && !session_->alive();
    if (session_->ended_life() >= life_ || nothing_to_come) {
      co_await send_end();
      co_return false;
    }
    if (input_failure_) co_return co_await send_input_failure();
    if (goodbye_) co_return co_await say_last_words();
    co_await session_->changed().wait();
    co_return true;
  }
  PtySession::Run run = {Output::out, static_cast<size_t>(ring.end() - next)};
  if (role_ == PtyRole::holder) run = session_->run_at(next);
  std::string bytes = ring.read(next, std::min(run.length, kPieceBytes));
  uint64_t offset = std::exchange(next, next + bytes.size());
  if (role_ == PtyRole::holder) session_->holder_progressed();
  co_await socket_->send(
      Opcode::binary, role_ == PtyRole::holder ? output_frame(run.kind, bytes) : replay_frame(offset, bytes));
  co_return true;
}

// The session is free for the next client before this one hears of the end.
net::task<> PtyClient::send_end() {
  bool had_shell = session_->ended_life() >= life_;
  int exit_code = session_->exit_code();
  leave();
  if (had_shell) co_await socket_->send(Opcode::text, exit_frame(exit_code));
  if (goodbye_) co_return socket_->close(CloseCode::going_away, kGoodbye);
  socket_->close(CloseCode::normal, had_shell ? "process exited" : "session deleted");
}

net::task<bool> PtyClient::say_last_words() {
  auto left = std::chrono::ceil<milliseconds>(*goodbye_ - std::chrono::steady_clock::now());
  if (session_->alive() && left.count() > 0) {
    co_await session_->changed().wait_for(left);
    co_return true;
  }
  socket_->close(CloseCode::going_away, kGoodbye);
  co_return false;
}

net::task<bool> PtyClient::send_input_failure() {
  for (auto end = std::chrono::steady_clock::now() + kEndTime; session_->alive();) {
    auto left = std::chrono::ceil<milliseconds>(end - std::chrono::steady_clock::now());
    if (left.count() > 0 && co_await session_->changed().wait_for(left)) continue;
    co_await fail(*input_failure_, "STDIN_WRITE_FAILED");
    co_return false;
  }
  input_failure_.reset();
  co_return true;
}

net::task<> PtyClient::fail(Error error, std::string code) {
  co_await socket_->send(Opcode::text, error_frame(error.message(), code));
  socket_->close(CloseCode::none, {});
}

net::task<> PtyClient::take(http::WebSocketMessage message) {
  using Kind = ClientFrame::Kind;
  std::optional<ClientFrame> frame = parse_client_frame(std::move(message));
  if (!frame) co_return;
  if (frame->kind == Kind::ping) co_return co_await socket_->send(Opcode::text, pong_frame());
  if (frame->kind == Kind::unknown)
    co_return co_await socket_->send(
        Opcode::text, error_frame("unknown frame type \"" + frame->data + "\"", "INVALID_FRAME"));
  if (role_ == PtyRole::viewer) co_return co_await refuse_change();
  PtyShell* shell = session_->shell();
  if (!shell || session_->holder() != this) co_return;
  if (frame->kind == Kind::input) co_return co_await take_input(std::move(frame->data));
  if (frame->kind == Kind::end_of_input) shell->end_input();
  if (frame->kind == Kind::resize) shell->resize(frame->size);
  if (frame->kind == Kind::signal) shell->signal(frame->signal);
}

net::task<> PtyClient::take_input(std::string bytes) {
  PtyShell* shell = session_->shell();
  if (!shell->running()) co_return;
  if (!shell->input().write(bytes) && !input_failure_)
    co_return co_await socket_->send(
        Opcode::text, error_frame("writing to the shell: its input was ended", "STDIN_CLOSED"));
  while (socket_->open() && session_->running() && session_->shell()->input().waiting() > kInputBytes)
    co_await session_->changed().wait_for(kLookAgain);
}

net::task<> PtyClient::refuse_change() {
  co_await socket_->send(Opcode::text,
                         error_frame("this client is a viewer and can change nothing", "READ_ONLY"));
  if (++refused_ >= kRefusals) socket_->close(CloseCode::policy, "READ_ONLY");
}

}  // namespace osb::execd
