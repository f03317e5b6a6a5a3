#include "execd/code/jupyter/jupyter_kernel.h"

#include <signal.h>

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/ids.h"
#include "base/log.h"

namespace osb::execd {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kRetryTime{20};  // to connect with a kernel that starts
constexpr int kInterrupts = 5;          // of a run that asked for input
constexpr milliseconds kInterruptAgain{1000};
constexpr milliseconds kInterruptTime{3000};  // for a run whose time is over to end when it is asked to
constexpr milliseconds kAskAgainTime{300};    // when it answers and nothing was published
constexpr milliseconds kLostTime{1000};       // between half an end and the question for the other half
constexpr milliseconds kSettleTime{300};      // after the first sign of its end: to read the rest
constexpr milliseconds kPoliteTime{1500};     // for an idle kernel to end by itself
constexpr milliseconds kTerminateTime{500};   // after SIGTERM
constexpr milliseconds kKillTime{5000};
constexpr size_t kSaidBytes = 2000;

constexpr std::array kAllChannels{KernelChannel::shell, KernelChannel::iopub, KernelChannel::stdin_,
                                  KernelChannel::control};

milliseconds left_until(std::chrono::steady_clock::time_point end) {
  return std::chrono::ceil<milliseconds>(end - std::chrono::steady_clock::now());
}

std::string text_of(const json::Object& object, std::string_view name) {
  const json::Value* found = object.if_contains(name);
  return found && found->is_string() ? std::string(found->get_string()) : std::string();
}

// The last bytes, from the beginning of a line where there is one.
void append_tail(std::string& tail, std::string_view text) {
  tail += text;
  if (tail.size() <= kSaidBytes) return;
  tail.erase(0, tail.size() - kSaidBytes);
  size_t line = tail.find('\n');
  if (line + 1 < tail.size()) tail.erase(0, line + 1);
}

}  // namespace

JupyterKernel::JupyterKernel(net::asio::any_io_executor executor, GuestProcess process,
                             std::unique_ptr<ConnectionFile> connection, std::string after_death)
    : executor_(executor),
      pid_(process.pid),
      interrupt_by_message_(process.interrupt_by_message),
      connection_(std::move(connection)),
      session_(connection_->key()),
      identity_(new_hex_id()),
      output_(executor, std::move(process.output)),
      errors_(executor, std::move(process.errors)),
      after_death_(std::move(after_death)),
      changed_(executor) {}

JupyterKernel::~JupyterKernel() {
  if (!ended_) signal_group(SIGKILL);
}

std::shared_ptr<JupyterKernel> JupyterKernel::start(net::asio::any_io_executor executor, GuestProcess process,
                                                    std::unique_ptr<ConnectionFile> connection,
                                                    std::string after_death) {
  Self kernel(new JupyterKernel(executor, std::move(process), std::move(connection), std::move(after_death)));
  net::spawn(executor, "kernel stdout", read_output(kernel, &kernel->output_));
  net::spawn(executor, "kernel stderr", read_output(kernel, &kernel->errors_));
  return kernel;
}

// -- the start

void JupyterKernel::fail_if_ended() const {
  if (ended_)
    throw Error(ErrorCode::unavailable, "starting a context: its kernel ended (" + *ended_ + ")" +
                                            (said_.empty() ? "" : ": " + said_));
}

net::task<std::unique_ptr<ZmtpSocket>> JupyterKernel::connect(KernelChannel channel, Clock::time_point end) {
  while (true) {
    fail_if_ended();
    milliseconds left = left_until(end);
    if (left.count() <= 0) throw Error(ErrorCode::timeout, "starting a context: its kernel does not listen");
    try {
      auto stream = co_await connection_->connect(executor_, channel, left);
      auto connected = std::make_unique<ZmtpSocket>(
          std::move(stream), channel == KernelChannel::iopub ? ZmtpType::sub : ZmtpType::dealer, identity_);
      co_await connected->shake_hands(left_until(end));
      co_return connected;
    } catch (const Error& error) {
      if (error.code() != ErrorCode::unavailable) throw;
    }
    co_await changed_.wait_for(std::min(kRetryTime, left));
  }
}

net::task<> JupyterKernel::ready(milliseconds limit) {
  Self self = shared_from_this();
  Clock::time_point end = Clock::now() + limit;
  for (KernelChannel channel : kAllChannels) {
    auto connected = co_await connect(channel, end);
    fail_if_ended();
    socket(channel) = std::move(connected);
    ++readers_;
    net::spawn(executor_, "kernel messages", read_channel(self, channel));
  }
  // Only when something published has arrived is it sure that nothing published will be missed.
  while (!probe_answered_ || !probe_idle_) {
    if (probe_.empty() || (probe_answered_ && !probe_idle_)) {
      probe_ = new_hex_id();
      probe_answered_ = false;
      net::spawn(executor_, "kernel request",
                 send(self, KernelChannel::shell, "kernel_info_request", {}, probe_));
    }
    Clock::time_point again = Clock::now() + kAskAgainTime;
    while (!(probe_answered_ && probe_idle_) && (!probe_answered_ || Clock::now() < again)) {
      fail_if_ended();
      milliseconds left = left_until(end);
      if (left.count() <= 0)
        throw Error(ErrorCode::timeout, "starting a context: its kernel does not answer");
      co_await changed_.wait_for(std::min(left, kAskAgainTime));
    }
  }
  fail_if_ended();
  probe_.clear();
  connection_.reset();
  ready_ = true;
  said_.clear();
}

// -- executions

void JupyterKernel::execute(std::string code, std::shared_ptr<Journal> events, RunLimits limits) {
  drain_output();  // no execution runs: this drops what was printed in between
  said_.clear();
  events->on_drain([weak = weak_from_this()] {
    if (auto self = weak.lock()) self->changed_.notify();
  });
  interrupted_ = false;
  run_.emplace(std::move(events), new_hex_id(), OutputAllowance(limits.output_bytes));
  net::spawn(
      executor_, "kernel request",
      send(shared_from_this(), KernelChannel::shell, "execute_request", execute_content(code), run_->id()));
  if (limits.time.count() > 0)
    net::spawn(executor_, "kernel time", watch_time(shared_from_this(), run_->id(), limits.time));
}

// False when the run is over before.
net::task<bool> JupyterKernel::outlasts(std::string run, milliseconds time) {
  Clock::time_point end = Clock::now() + time;
  while (!ended_ && run_ && run_->id() == run) {
    milliseconds left = left_until(end);
    if (left.count() <= 0) co_return true;
    co_await changed_.wait_for(left);
  }
  co_return false;
}

net::task<> JupyterKernel::watch_time(Self self, std::string run, milliseconds limit) {
  if (!co_await self->outlasts(run, limit)) co_return;
  self->interrupt();
  if (co_await self->outlasts(run, kInterruptTime))
    self->break_off("the time of the run was over, and it could not be interrupted");
}

// Between runs kernels ignore the signal, or die of it; and a request may still be on its way.
void JupyterKernel::interrupt() {
  if (!run_ || ended_) return;
  run_->tell_interrupted();
  if (!run_->begun())
    interrupted_ = true;
  else if (interrupt_by_message_)
    net::spawn(executor_, "kernel request",
               send(shared_from_this(), KernelChannel::control, "interrupt_request", {}, new_hex_id()));
  else
    signal_group(SIGINT);
}

void JupyterKernel::handle(KernelChannel channel, const ZmtpMessage& raw) {
  bool half_over = run_ && run_->half_over();
  if (raw.oversized) {
    if (!run_) return;
    if (channel == KernelChannel::shell) run_->replied({});
    run_->left_out();
    return after_message(half_over);
  }
  JupyterMessage message = session_.decode(raw.frames);
  if (channel == KernelChannel::stdin_) {
    if (message.type == "input_request") refuse_input(message);
    return;
  }
  if (!probe_.empty() && message.parent == probe_) handle_answer(message);
  if (!run_) return;
  if (channel == KernelChannel::iopub) {
    bool begun = run_->begun();
    drain_output();
    run_->published(message);
    if (!begun && run_->begun() && interrupted_) interrupt();
  } else if (channel == KernelChannel::shell && message.parent == run_->id()) {
    run_->replied(message);
  }
  after_message(half_over);
}

// To the question of ready(), or to that of find_lost_end(): kernels take their requests in order.
void JupyterKernel::handle_answer(const JupyterMessage& message) {
  if (message.type == "kernel_info_reply") {
    probe_answered_ = true;
    implementation_ =
        text_of(message.content, "implementation") + " " + text_of(message.content, "implementation_version");
    if (run_) run_->replied(message);
  } else if (message.type == "status" && text_of(message.content, "execution_state") == "idle") {
    probe_idle_ = true;
    if (run_) run_->idle();
  }
  changed_.notify();
}

void JupyterKernel::after_message(bool was_half_over) {
  if (!run_) return;
  if (run_->over()) {
    drain_output();
    run_->finish();
    run_.reset();
    probe_.clear();
    resume();
    changed_.notify();
  } else if (!was_half_over && run_->half_over()) {
    net::spawn(executor_, "kernel run", find_lost_end(shared_from_this(), run_->id()));
  }
}

// The code goes on with an empty answer; what it still does is of no interest.
void JupyterKernel::refuse_input(const JupyterMessage& request) {
  json::Object content;
  content["value"] = "";
  content["status"] = "ok";
  net::spawn(executor_, "kernel request",
             send(shared_from_this(), KernelChannel::stdin_, "input_reply", std::move(content), new_hex_id(),
                  request.id));
  if (!run_) return;
  drain_output();
  run_->refuse_input();
  net::spawn(executor_, "kernel input", interrupt_until_over(shared_from_this(), run_->id()));
}

// A signal that comes just before a kernel begins to wait does not end the wait.
net::task<> JupyterKernel::interrupt_until_over(Self self, std::string run) {
  for (int i = 0; i < kInterrupts; ++i) {
    self->interrupt();
    if (!co_await self->outlasts(run, kInterruptAgain)) co_return;
  }
}

void JupyterKernel::take_output(OutputPipe& pipe, const std::string& text) {
  if (&pipe == &errors_) append_tail(said_, text);
  if (run_) run_->print(&pipe == &output_, text);
}

void JupyterKernel::drain_output() {
  for (OutputPipe* pipe : {&output_, &errors_}) {
    std::string text;
    pipe->drain(text);
    take_output(*pipe, text);
  }
}

// -- coroutines

net::task<> JupyterKernel::uncongested(Self self) {
  while (self->congested() && !self->ended_) {
    self->pause();
    co_await self->changed_.wait();
  }
  self->resume();
}

net::task<> JupyterKernel::read_output(Self self, OutputPipe* pipe) {
  try {
    bool open = true;
    while (open) {
      co_await pipe->wait();
      co_await uncongested(self);
      if (self->ended_) co_return;
      std::string text;
      open = pipe->read(text);
      self->take_output(*pipe, text);
    }
  } catch (const Error&) {  // cancelled: the kernel ended
  }
}

net::task<> JupyterKernel::read_channel(Self self, KernelChannel channel) {
  try {
    while (auto message = co_await self->socket(channel)->receive()) {
      if (channel == KernelChannel::iopub) co_await uncongested(self);
      if (self->ended_) co_return;
      self->handle(channel, *message);
    }
  } catch (const Error& error) {
    if (!self->ended_ && error.code() != ErrorCode::unavailable) self->break_off(error.message());
  }
  --self->readers_;
  self->changed_.notify();
  self->gone();
}

net::task<> JupyterKernel::send(Self self, KernelChannel channel, std::string type, json::Object content,
                                std::string id, std::string parent) {
  try {
    co_await self->socket(channel)->send(self->session_.encode(type, content, id, parent));
  } catch (const Error& error) {
    if (error.code() == ErrorCode::too_large && self->run_ && self->run_->id() == id) {
      self->run_->fail("MessageTooLarge", error.message(), {});
      self->run_->replied({});
      self->run_->idle();
      self->after_message(true);
    } else {
      self->gone();
    }
  }
}

// Half of a run's end is there. The other half follows at once, or was dropped on its way.
net::task<> JupyterKernel::find_lost_end(Self self, std::string run) {
  auto waits = [&self, &run] { return !self->ended_ && self->run_ && self->run_->id() == run; };
  while (waits()) {
    Clock::time_point end = Clock::now() + kLostTime;
    while (waits() && left_until(end).count() > 0) co_await self->changed_.wait_for(left_until(end));
    bool asked = !self->probe_.empty() && !self->probe_answered_;
    if (!waits() || self->congested() || asked) continue;
    self->probe_ = new_hex_id();
    self->probe_answered_ = false;
    co_await send(self, KernelChannel::shell, "kernel_info_request", {}, self->probe_);
  }
}

// -- the end

// Once it was reaped its number may be another's.
void JupyterKernel::signal_group(int signal) {
  if (!status_) ::kill(-pid_, signal);
}

void JupyterKernel::pause() {
  if (!std::exchange(paused_, true)) signal_group(SIGSTOP);
}

void JupyterKernel::resume() {
  if (std::exchange(paused_, false)) signal_group(SIGCONT);
}

void JupyterKernel::break_off(std::string reason) {
  if (reason_.empty()) reason_ = std::move(reason);
  signal_group(SIGKILL);
}

void JupyterKernel::exited(sys::ExitStatus status) {
  status_ = status.text();
  changed_.notify();
  gone();
}

void JupyterKernel::gone() {
  if (ended_ || settling_) return;
  settling_ = true;
  net::spawn(executor_, "kernel end", settle(shared_from_this()));
}

// The end is noticed in several ways, in any order. What the kernel sent before it ended still counts, and
// how it ended is worth a short wait.
net::task<> JupyterKernel::settle(Self self) {
  Clock::time_point end = Clock::now() + kSettleTime;
  while (!self->ended_ && !(self->status_ && self->readers_ == 0)) {
    milliseconds left = left_until(end);
    if (left.count() <= 0) break;
    co_await self->changed_.wait_for(left);
  }
  if (self->ended_) co_return;
  self->signal_group(SIGKILL);  // without its connections it is of no use
  self->finish(self->status_.value_or("its connection was closed"));
}

void JupyterKernel::finish(std::string how) {
  if (ended_) return;
  drain_output();
  ended_ = reason_.empty() ? std::move(how) : reason_;
  if (run_) {
    std::string last = said_.empty() ? "" : ": " + said_;
    run_->fail(
        "KernelDied",
        "the process of the context ended (" + *ended_ + last + "), its variables are lost; " + after_death_,
        {});
    run_->finish();
    run_.reset();
  }
  for (auto& connected : sockets_)
    if (connected) connected->cancel();
  output_.cancel();
  errors_.cancel();
  connection_.reset();
  changed_.notify();
}

net::task<bool> JupyterKernel::wait_end(milliseconds limit) {
  Clock::time_point end = Clock::now() + limit;
  while (!ended_) {
    milliseconds left = left_until(end);
    if (left.count() <= 0) co_return false;
    co_await changed_.wait_for(left);
  }
  co_return true;
}

net::task<> JupyterKernel::end() {
  Self self = shared_from_this();
  if (ended_) co_return;
  if (reason_.empty()) reason_ = "the context was deleted";
  if (!busy() && ready_) {
    json::Object content;
    content["restart"] = false;
    net::spawn(executor_, "kernel request",
               send(self, KernelChannel::control, "shutdown_request", std::move(content), new_hex_id()));
    if (co_await wait_end(kPoliteTime)) co_return;
    signal_group(SIGTERM);
    if (co_await wait_end(kTerminateTime)) co_return;
  }
  signal_group(SIGKILL);
  if (!co_await wait_end(kKillTime)) {
    log_error("a context does not end", {{"pid", static_cast<int64_t>(pid_)}});
    finish("");
  }
}

void JupyterKernel::kill() {
  if (ended_) return;
  signal_group(SIGKILL);
  finish("killed");
}

}  // namespace osb::execd
