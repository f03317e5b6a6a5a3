// A context whose code runs in a Jupyter kernel: a process that somebody else wrote, spoken to over four
// signed ZeroMQ connections. It does what worker_kernel.h promises, with other means:
//
// Order: what the kernel publishes comes in order on one connection; what its process writes past that, to
// descriptors 1 and 2, is taken in before each message.
//
// Back-pressure: a kernel that publishes faster than it is read drops messages, silently. So while the client
// is slow its process group is stopped (SIGSTOP), and nothing is lost. If the end of a run is lost all the
// same, a question to the kernel finds out.
#pragma once

#include <sys/types.h>

#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "base/fd.h"
#include "execd/code/jupyter/connection_file.h"
#include "execd/code/jupyter/jupyter_message.h"
#include "execd/code/jupyter/jupyter_run.h"
#include "execd/code/jupyter/zmtp_socket.h"
#include "execd/code/kernel.h"
#include "execd/code/output_pipe.h"
#include "net/timer.h"
#include "sys/child.h"

namespace osb::execd {

// A process that leads a process group of its own. Whoever reaps it tells exited().
struct GuestProcess {
  pid_t pid = -1;
  Fd output;  // what it writes to descriptor 1, non-blocking
  Fd errors;  // 2
  bool interrupt_by_message = false;
};

class JupyterKernel : public Kernel, public std::enable_shared_from_this<JupyterKernel> {
 public:
  static std::shared_ptr<JupyterKernel> start(net::asio::any_io_executor executor, GuestProcess process,
                                              std::unique_ptr<ConnectionFile> connection,
                                              std::string after_death);
  ~JupyterKernel() override;

  // Connects and waits until the kernel answers; then nobody else can connect any more. Throws Error when it
  // dies (with what it wrote to stderr), speaks something else or takes longer. Once.
  net::task<> ready(std::chrono::milliseconds limit);
  // Until it is ready: it made a socket where it was told to.
  bool listens() const { return connection_ && connection_->has_sockets(); }
  // The group was killed.
  void exited(sys::ExitStatus status);
  const std::string& implementation() const { return implementation_; }  // "ipython 9.1"

  std::optional<std::string> ended() const override { return ended_; }
  bool busy() const override { return run_.has_value(); }
  // Output is not limited: a slow reader holds it back.
  void execute(std::string code, std::shared_ptr<Journal> events, RunLimits limits) override;
  void interrupt() override;
  net::task<> end() override;
  void kill() override;

 private:
  static constexpr size_t kChannels = 4;  // no heartbeat: a process that ends is seen without
  using Clock = std::chrono::steady_clock;
  using Self = std::shared_ptr<JupyterKernel>;  // coroutines keep the kernel alive by their parameter

  JupyterKernel(net::asio::any_io_executor executor, GuestProcess process,
                std::unique_ptr<ConnectionFile> connection, std::string after_death);

  static net::task<> read_output(Self self, OutputPipe* pipe);
  static net::task<> read_channel(Self self, KernelChannel channel);
  static net::task<> send(Self self, KernelChannel channel, std::string type, json::Object content,
                          std::string id, std::string parent = {});
  static net::task<> find_lost_end(Self self, std::string run);
  static net::task<> watch_time(Self self, std::string run, std::chrono::milliseconds limit);
  static net::task<> interrupt_until_over(Self self, std::string run);
  net::task<bool> outlasts(std::string run, std::chrono::milliseconds time);
  static net::task<> settle(Self self);
  static net::task<> uncongested(Self self);
  net::task<std::unique_ptr<ZmtpSocket>> connect(KernelChannel channel, Clock::time_point end);
  net::task<bool> wait_end(std::chrono::milliseconds limit);

  std::unique_ptr<ZmtpSocket>& socket(KernelChannel channel) {
    return sockets_[static_cast<size_t>(channel)];
  }
  void fail_if_ended() const;
  void handle(KernelChannel channel, const ZmtpMessage& raw);
  void handle_answer(const JupyterMessage& message);
  void refuse_input(const JupyterMessage& request);
  void after_message(bool was_half_over);
  void take_output(OutputPipe& pipe, const std::string& text);
  void drain_output();
  bool congested() const { return run_ && run_->events().congested(); }
  void pause();
  void resume();
  void signal_group(int signal);
  void break_off(std::string reason);
  void gone();
  void finish(std::string how);

  net::asio::any_io_executor executor_;
  pid_t pid_;
  bool interrupt_by_message_;
  std::unique_ptr<ConnectionFile> connection_;  // until it is ready
  JupyterSession session_;
  std::array<std::unique_ptr<ZmtpSocket>, kChannels> sockets_;
  std::string identity_;  // the same on all: the kernel asks for input where the request came from
  OutputPipe output_;
  OutputPipe errors_;
  std::string after_death_;

  net::Event changed_;
  bool ready_ = false;
  std::string implementation_;
  std::string probe_;  // the question whose answer and idle state we wait for
  bool probe_answered_ = false, probe_idle_ = false;
  std::string said_;  // the last it wrote to stderr
  std::optional<JupyterRun> run_;
  bool interrupted_ = false;  // before the run began
  bool paused_ = false;
  size_t readers_ = 0;  // connections that are read
  std::optional<std::string> status_;
  bool settling_ = false;
  std::string reason_;  // why we ended it, if we did
  std::optional<std::string> ended_;
};

}  // namespace osb::execd
