// A kernel that is a worker process of ours: a channel for messages and two pipes for what the code prints.
//
// Order is kept in three steps. The worker flushes before it sends a message; on a message execd first reads
// what is in the pipes; and after a display the worker waits for execd's acknowledgement. So output printed
// before a message comes before its event, and output printed after it behind. What is printed while no
// execution runs (threads, background programs) is read and dropped: it neither blocks its writer nor shows
// up in a later execution.
//
// Back-pressure: while the client is slow neither pipes nor channel are read, and the worker blocks.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/fd.h"
#include "execd/code/kernel.h"
#include "execd/code/output_pipe.h"
#include "execd/code/worker_channel.h"
#include "execd/code/worker_message.h"
#include "execd/output_allowance.h"
#include "net/timer.h"
#include "sys/child.h"

namespace osb::execd {

// Our ends of a worker process that leads a process group of its own. Somebody else reaps it.
struct WorkerProcess {
  pid_t pid = -1;
  Fd channel;   // a socket, or the end that we read from
  Fd output;    // what it writes to descriptor 1, non-blocking
  Fd errors;    // 2
  Fd requests;  // where we write to, if `channel` is no socket
};

// Both ends of what connects us with a worker on a packet socket.
struct WorkerEnds {
  WorkerProcess ours;          // its pid is not known yet
  Fd channel, output, errors;  // the worker's
  std::vector<int> theirs() const { return {channel.get(), output.get(), errors.get()}; }
  void close_theirs();
};
WorkerEnds make_worker_ends();

class WorkerKernel : public Kernel, public std::enable_shared_from_this<WorkerKernel> {
 public:
  static std::shared_ptr<WorkerKernel> start(net::asio::any_io_executor executor, WorkerProcess process,
                                             std::string after_death);
  ~WorkerKernel() override;

  pid_t pid() const { return pid_; }
  const std::string& version() const { return version_; }  // of the language; empty until it is ready
  // It lives as far as the kernel of the system knows now; ended() may learn of a death a little later.
  bool alive() const;
  // What the client is told to do when the worker dies.
  void tell_after_death(std::string what) { after_death_ = std::move(what); }
  // Waits until the worker takes code. Throws Error when it says that it cannot, dies (with what it wrote to
  // stderr) or takes longer.
  net::task<> ready(std::chrono::milliseconds limit);
  // Whoever reaps the process tells how it ended. Without that, its end is noticed all the same.
  void exited(sys::ExitStatus status);

  std::optional<std::string> ended() const override { return ended_; }
  bool busy() const override { return run_ || copying_; }
  void execute(std::string code, std::shared_ptr<Journal> events, RunLimits limits) override;
  void interrupt() override;
  // The worker forks itself (kernels/python/copies.py); its copies become orphans, which are ours.
  net::task<std::vector<std::shared_ptr<Kernel>>> copy(Reaper& reaper, CopyRequest request) override;
  net::task<> end() override;
  void kill() override;

 private:
  struct Run {
    std::shared_ptr<Journal> events;
    int64_t number = 0;
    std::chrono::steady_clock::time_point started;
    bool begun = false;        // the worker takes interrupts
    bool interrupted = false;  // before it did
    bool failed = false;
    bool signalled = false;  // since the worker last said that it takes interrupts
    RunLimits limits;
    OutputAllowance allowance;
    bool expired = false;  // its time is over
  };
  struct Copying {
    bool done = false;
    std::vector<int64_t> pids;
    std::string refusal;
  };

  WorkerKernel(net::asio::any_io_executor executor, WorkerProcess process, std::string after_death);

  // Coroutines keep the kernel alive by their parameter.
  static net::task<> read_output(std::shared_ptr<WorkerKernel> self, OutputPipe* pipe);
  static net::task<> read_messages(std::shared_ptr<WorkerKernel> self);
  static net::task<> watch_process(std::shared_ptr<WorkerKernel> self);
  static net::task<> send(std::shared_ptr<WorkerKernel> self, std::string message);
  static net::task<> watch_time(std::shared_ptr<WorkerKernel> self, int64_t run);
  static net::task<> wake(std::shared_ptr<WorkerKernel> self, int64_t run);
  net::task<bool> outlasts(int64_t run, std::chrono::milliseconds time);
  static net::task<> settle(std::shared_ptr<WorkerKernel> self);
  net::task<bool> wait_end(std::chrono::milliseconds limit);

  void handle(const WorkerMessage& message);
  void show(const WorkerMessage& message);
  void fail_run(const WorkerMessage& message);
  net::task<Copying> ask_for_copies(CopyRequest request, std::vector<WorkerProcess>& copies);
  std::shared_ptr<WorkerKernel> adopt_copy(Reaper& reaper, WorkerProcess copy,
                                           const std::string& after_death);
  void finish_run();
  void push_output(OutputPipe& pipe, const std::string& text);
  void drain_output();
  bool congested() const { return run_ && run_->events->congested(); }
  void signal_group(int signal);
  void signal_worker(int signal);    // itself alone
  void signal_children(int signal);  // the rest of its group
  void gone();
  void finish(std::string how);

  net::asio::any_io_executor executor_;
  pid_t pid_;
  Fd pidfd_;  // empty on kernels without
  std::optional<net::Readable> pidfd_readable_;
  WorkerChannel channel_;
  OutputPipe output_;
  OutputPipe errors_;
  std::string after_death_;

  net::Event changed_;
  bool ready_ = false;
  bool holds_ = false;  // the worker says when SIGINT must not come, and takes messages instead
  int wakes_on_ = 0;    // a signal that has it look for others, 0: it needs none
  std::string version_;
  std::string said_;     // what it wrote to stderr before it was ready
  std::string refusal_;  // why the worker cannot start
  std::optional<Run> run_;
  std::optional<Copying> copying_;
  int64_t runs_ = 0;
  std::optional<std::string> status_;  // how the process ended
  bool all_read_ = false;              // the channel gave its last message
  bool settling_ = false;
  std::string reason_;  // why we ended it, if we did
  std::optional<std::string> ended_;
};

}  // namespace osb::execd
