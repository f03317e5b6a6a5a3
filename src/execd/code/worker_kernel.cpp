#include "execd/code/worker_kernel.h"

#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/log.h"
#include "execd/event.h"
#include "execd/process_tree.h"

namespace osb::execd {
namespace {

using Clock = std::chrono::steady_clock;
// After the first sign of its end: time for its parent to say how it ended and for us to read what it sent.
constexpr std::chrono::milliseconds kSettleTime{300};
constexpr std::chrono::milliseconds kPoliteTime{1000};  // for an idle worker to end by itself
constexpr std::chrono::milliseconds kKillTime{5000};
// Code without time left may catch an interrupt, and its finally clauses may take a while.
constexpr int kExpiredInterrupts = 3;
constexpr std::chrono::milliseconds kExpiredTime{1000};
constexpr std::chrono::milliseconds kWakeTimes[] = {std::chrono::milliseconds(20),
                                                    std::chrono::milliseconds(200)};
constexpr size_t kSaidBytes = 2000;

Fd open_pidfd(pid_t pid) { return Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0u))); }

// Those that do nothing to a process without a handler.
bool is_harmless(int64_t signal) { return signal == SIGURG || signal == SIGWINCH; }

std::string timeout_text(std::chrono::milliseconds time) {
  return "timeout after " + std::to_string(time.count()) + " ms";
}

int64_t elapsed_ms(Clock::time_point since) {
  return std::max<int64_t>(
      1, std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - since).count());
}

}  // namespace

WorkerEnds make_worker_ends() {
  auto [ours, theirs] = make_channel();
  Pipe output = make_output_pipe();
  Pipe errors = make_output_pipe();
  return {{-1, std::move(ours), std::move(output.read), std::move(errors.read), {}},
          std::move(theirs),
          std::move(output.write),
          std::move(errors.write)};
}

void WorkerEnds::close_theirs() {
  for (Fd* fd : {&channel, &output, &errors}) fd->reset();
}

WorkerKernel::WorkerKernel(net::asio::any_io_executor executor, WorkerProcess process,
                           std::string after_death)
    : executor_(executor),
      pid_(process.pid),
      pidfd_(open_pidfd(process.pid)),
      channel_(executor, std::move(process.channel), std::move(process.requests)),
      output_(executor, std::move(process.output)),
      errors_(executor, std::move(process.errors)),
      after_death_(std::move(after_death)),
      changed_(executor) {
  if (pidfd_) pidfd_readable_.emplace(executor, pidfd_.get());
}

WorkerKernel::~WorkerKernel() {
  if (!ended_) signal_group(SIGKILL);
}

std::shared_ptr<WorkerKernel> WorkerKernel::start(net::asio::any_io_executor executor, WorkerProcess process,
                                                  std::string after_death) {
  std::shared_ptr<WorkerKernel> kernel(
      new WorkerKernel(executor, std::move(process), std::move(after_death)));
  net::spawn(executor, "worker stdout", read_output(kernel, &kernel->output_));
  net::spawn(executor, "worker stderr", read_output(kernel, &kernel->errors_));
  net::spawn(executor, "worker messages", read_messages(kernel));
  if (kernel->pidfd_readable_) net::spawn(executor, "worker process", watch_process(kernel));
  return kernel;
}

net::task<> WorkerKernel::ready(std::chrono::milliseconds limit) {
  Clock::time_point end = Clock::now() + limit;
  while (!ready_) {
    if (!refusal_.empty()) throw Error(ErrorCode::unavailable, "starting a context: " + refusal_);
    if (ended_)
      throw Error(ErrorCode::unavailable, "starting a context: its process ended (" + *ended_ + ")" +
                                              (said_.empty() ? "" : ": " + said_));
    auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now());
    if (left.count() <= 0) throw Error(ErrorCode::timeout, "starting a context: its process does not answer");
    co_await changed_.wait_for(left);
  }
}

bool WorkerKernel::alive() const {
  if (ended_ || settling_) return false;
  pollfd process{pidfd_.get(), POLLIN, 0};  // poll() passes over the -1 of old kernels
  return ::poll(&process, 1, 0) == 0;
}

// -- executions

void WorkerKernel::execute(std::string code, std::shared_ptr<Journal> events, RunLimits limits) {
  drain_output();  // no execution runs: this drops what was printed in between
  events->on_drain([weak = weak_from_this()] {
    if (auto self = weak.lock()) self->changed_.notify();
  });
  run_ = Run{std::move(events), ++runs_, Clock::now()};
  run_->limits = limits;
  run_->allowance = OutputAllowance(limits.output_bytes);
  if (limits.time.count() > 0) net::spawn(executor_, "worker time", watch_time(shared_from_this(), runs_));
  net::spawn(executor_, "worker request", send(shared_from_this(), execute_request(run_->number, code)));
}

// Between runs the worker ignores the signal, and a request may still be on its way to it. A worker that
// holds the signal off meanwhile takes a message.
void WorkerKernel::interrupt() {
  if (!run_ || ended_) return;
  if (run_->begun) {
    run_->signalled = true;
    if (holds_) run_->begun = false;  // it may not stand another one while it takes this one in
    signal_group(SIGINT);
    if (wakes_on_ > 0) net::spawn(executor_, "worker wake", wake(shared_from_this(), run_->number));
    return;
  }
  run_->interrupted = true;
  if (!holds_) return;
  if (run_->signalled) signal_children(SIGINT);  // it may wait for one that began after the signal
  net::spawn(executor_, "worker interrupt", send(shared_from_this(), interrupt_request(run_->number)));
}

void WorkerKernel::handle(const WorkerMessage& message) {
  if (message.type == "ready") {
    ready_ = true;
    holds_ = message.holds;
    wakes_on_ = is_harmless(message.wakes_on) ? static_cast<int>(message.wakes_on) : 0;
    version_ = message.version;
    said_.clear();
    changed_.notify();
  } else if (message.type == "fatal") {
    refusal_ = message.message.empty() ? "no reason given" : message.message;
    changed_.notify();
  } else if (copying_ && (message.type == "copied" || message.type == "copy_refused")) {
    *copying_ = {true, message.pids, message.message};
    changed_.notify();
  }
  // Whatever a forgotten thread displays after its execution has nobody to go to.
  if (!run_ || message.run != run_->number) return;
  if (message.type == "execute_input") {
    run_->begun = true;
    run_->signalled = false;
    if (std::exchange(run_->interrupted, false)) interrupt();
    return;
  }
  if (message.type == "interrupts_off") {
    run_->begun = false;
    return;
  }
  if (run_->failed && message.type != "execute_reply") return;
  if (message.type == "execute_reply") return finish_run();
  drain_output();
  if (message.type == "error")
    fail_run(message);
  else
    show(message);
}

void WorkerKernel::show(const WorkerMessage& message) {
  Journal& events = *run_->events;
  bool update = message.type == "update_display_data", value = message.type == "execute_result";
  if (message.type == "clear_output") return events.append(clear_output_event(message.wait));
  if (!update && !value && message.type != "display_data") return;
  ResultDetails details{{}, message.display_id, update};
  if (message.metadata.is_object() && !message.metadata.get_object().empty())
    details.metadata = json::serialize(message.metadata);
  if (value) events.append(execution_count_event(message.execution_count));
  events.append(result_event({message.data.begin(), message.data.end()}, details));
}

void WorkerKernel::fail_run(const WorkerMessage& message) {
  run_->failed = true;
  run_->events->append(status_event("error"));
  if (run_->expired)
    run_->events->append(error_event("ExecutionTimeout", timeout_text(run_->limits.time), message.traceback));
  else
    run_->events->append(error_event(message.ename, message.evalue, message.traceback));
}

void WorkerKernel::finish_run() {
  if (!run_->failed) {
    drain_output();
    run_->events->append(execution_complete_event(elapsed_ms(run_->started)));
  }
  run_->events->close();
  run_.reset();
  changed_.notify();
}

// What is beyond its limit is read all the same: the worker must not be stuck.
void WorkerKernel::push_output(OutputPipe& pipe, const std::string& text) {
  if (!ready_ && &pipe == &errors_) said_ = (said_ + text).substr(0, kSaidBytes);
  if (text.empty() || !run_ || run_->failed) return;
  OutputAllowance::Passed passed = run_->allowance.take(text);
  if (!passed.text.empty())
    run_->events->append(&pipe == &output_ ? stdout_event(passed.text) : stderr_event(passed.text));
  if (passed.first_cut) run_->events->append(stderr_event(run_->allowance.notice()));
}

void WorkerKernel::drain_output() {
  for (OutputPipe* pipe : {&output_, &errors_}) {
    std::string text;
    pipe->drain(text);
    push_output(*pipe, text);
  }
}

// -- coroutines

net::task<> WorkerKernel::read_output(std::shared_ptr<WorkerKernel> self, OutputPipe* pipe) {
  try {
    bool open = true;
    while (open) {
      co_await pipe->wait();
      while (self->congested()) co_await self->changed_.wait();
      if (self->ended_) co_return;
      std::string text;
      open = pipe->read(text);
      self->push_output(*pipe, text);
    }
  } catch (const Error&) {  // cancelled: the worker ended
  }
}

net::task<> WorkerKernel::read_messages(std::shared_ptr<WorkerKernel> self) {
  try {
    while (auto text = co_await self->channel_.receive()) {
      while (self->congested()) co_await self->changed_.wait();
      if (self->ended_) co_return;
      WorkerMessage message = parse_worker_message(*text);
      text->clear();
      self->handle(message);
      if (message.display == 0) continue;
      while (self->congested()) co_await self->changed_.wait();
      bool signalled = message.type == "interrupts_off" && self->run_ && self->run_->signalled;
      co_await self->channel_.send(display_ack(message.display, signalled));
    }
  } catch (const Error& error) {
    if (self->ended_) co_return;
    if (error.code() ==
        ErrorCode::invalid) {  // its own code wrote to the channel; what follows means nothing
      self->reason_ = error.message();
      self->signal_group(SIGKILL);
    }
  }
  self->all_read_ = true;
  self->changed_.notify();
  self->gone();
}

net::task<> WorkerKernel::watch_process(std::shared_ptr<WorkerKernel> self) {
  try {
    co_await self->pidfd_readable_->wait();
    self->gone();
  } catch (const Error&) {  // cancelled
  }
}

// False when the run is over before.
net::task<bool> WorkerKernel::outlasts(int64_t run, std::chrono::milliseconds time) {
  Clock::time_point end = Clock::now() + time;
  while (!ended_ && run_ && run_->number == run) {
    auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now());
    if (left.count() <= 0) co_return true;
    co_await changed_.wait_for(left);
  }
  co_return false;
}

// A signal that came just before the worker began to wait is noticed when the wait is over, unless another
// ends it.
net::task<> WorkerKernel::wake(std::shared_ptr<WorkerKernel> self, int64_t run) {
  for (std::chrono::milliseconds time : kWakeTimes) {
    if (!co_await self->outlasts(run, time)) co_return;
    self->signal_worker(self->wakes_on_);
  }
}

net::task<> WorkerKernel::watch_time(std::shared_ptr<WorkerKernel> self, int64_t run) {
  std::chrono::milliseconds limit = self->run_->limits.time;
  if (!co_await self->outlasts(run, limit)) co_return;
  self->run_->expired = true;
  for (int i = 0; i < kExpiredInterrupts; ++i) {
    self->interrupt();
    if (!co_await self->outlasts(run, kExpiredTime)) co_return;
  }
  self->reason_ = timeout_text(limit) + ", and it could not be interrupted";
  self->signal_group(SIGKILL);
}

net::task<> WorkerKernel::send(std::shared_ptr<WorkerKernel> self, std::string message) {
  try {
    co_await self->channel_.send(std::move(message));
  } catch (const Error&) {
    self->gone();
  }
}

// -- the end

void WorkerKernel::signal_group(int signal) {
  if (::kill(-pid_, signal) < 0 && errno == ESRCH && pidfd_)
    ::syscall(SYS_pidfd_send_signal, pidfd_.get(), signal, nullptr, 0u);
}

void WorkerKernel::signal_worker(int signal) {
  if (!pidfd_ || ::syscall(SYS_pidfd_send_signal, pidfd_.get(), signal, nullptr, 0u) < 0)
    ::kill(pid_, signal);
}

void WorkerKernel::signal_children(int signal) {
  for (const ProcessStat& process : read_processes())
    if (process.group == pid_ && process.pid != pid_) ::kill(process.pid, signal);
}

void WorkerKernel::exited(sys::ExitStatus status) {
  status_ = status.text();
  changed_.notify();
  gone();
}

void WorkerKernel::gone() {
  if (ended_ || settling_) return;
  settling_ = true;
  net::spawn(executor_, "worker end", settle(shared_from_this()));
}

// The end is noticed in several ways, in any order. What the worker sent before it ended still counts, and
// how it ended is worth a short wait.
net::task<> WorkerKernel::settle(std::shared_ptr<WorkerKernel> self) {
  Clock::time_point end = Clock::now() + kSettleTime;
  while (!self->ended_ && !(self->status_ && self->all_read_)) {
    auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now());
    if (left.count() <= 0) break;
    co_await self->changed_.wait_for(left);
  }
  if (self->ended_) co_return;
  bool lives = !self->status_ && ::kill(self->pid_, 0) == 0;  // without a channel it is of no use
  // Its parent clears the group when it reaps the leader; a parent that is gone tells no status.
  if (!self->status_) self->signal_group(SIGKILL);
  self->finish(self->status_.value_or(lives ? "its channel was closed" : "cause unknown"));
}

void WorkerKernel::finish(std::string how) {
  if (ended_) return;
  ended_ = reason_.empty() ? std::move(how) : reason_;
  if (!ready_) drain_output();
  if (run_) {
    if (!run_->failed) {
      drain_output();
      run_->events->append(status_event("error"));
      run_->events->append(error_event(
          "KernelDied",
          "the process of the context ended (" + *ended_ + "), its variables are lost; " + after_death_, {}));
    }
    run_->events->close();
    run_.reset();
  }
  channel_.cancel();
  output_.cancel();
  errors_.cancel();
  if (pidfd_readable_) pidfd_readable_->cancel();
  changed_.notify();
}

net::task<bool> WorkerKernel::wait_end(std::chrono::milliseconds limit) {
  Clock::time_point end = Clock::now() + limit;
  while (!ended_) {
    auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now());
    if (left.count() <= 0) co_return false;
    co_await changed_.wait_for(left);
  }
  co_return true;
}

net::task<> WorkerKernel::end() {
  auto self = shared_from_this();
  if (reason_.empty()) reason_ = "the context was deleted";
  if (busy()) {
    signal_group(SIGKILL);
  } else {
    channel_.shutdown_write();
    if (co_await wait_end(kPoliteTime)) co_return;
    signal_group(SIGKILL);
  }
  if (!co_await wait_end(kKillTime)) {
    log_error("a context does not end", {{"pid", static_cast<int64_t>(pid_)}});
    finish("");
  }
}

void WorkerKernel::kill() {
  if (ended_) return;
  signal_group(SIGKILL);
  finish("killed");
}

}  // namespace osb::execd
