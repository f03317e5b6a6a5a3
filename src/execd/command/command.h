// One command: a process group and what is known about it. It ends with its leader; what it printed until
// then goes out before the terminal event, as fast as the client takes it. Members of its group that the
// leader left behind live on.
//
// Foreground: stdout and stderr line by line into a Journal. Background: both into a CommandLog. Either
// way the command goes on when its client is gone. Everything runs on one loop.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "execd/command/command_log.h"
#include "execd/command/output_reader.h"
#include "execd/journal.h"
#include "execd/line_splitter.h"
#include "execd/output_record.h"
#include "execd/process_tree.h"
#include "execd/reaper.h"
#include "net/timer.h"
#include "sys/child.h"

namespace osb::execd {

struct CommandSpec {
  std::string content;                   // as status reports it
  sys::ChildSpec child;                  // complete but for its descriptors
  std::chrono::milliseconds timeout{0};  // 0: none
  bool background = false;
  LineSplitter::Terminators terminators = LineSplitter::Terminators::keep;
};

class Command : public std::enable_shared_from_this<Command> {
 public:
  Command(net::asio::any_io_executor executor, Reaper& reaper, CommandSpec spec);

  // Records every event of its life, the first one at once; a process that cannot start is an `init` and an
  // `error`. The process itself starts before start() returns (background) or on the loop's next turn
  // (foreground), after what was recorded has gone to the client. `on_end` runs once, when the command has
  // ended (perhaps before start() returns).
  void start(std::shared_ptr<Journal> journal, std::function<void(Command&)> on_end);

  const std::string& id() const { return id_; }
  const std::string& content() const { return content_; }
  bool background() const { return background_; }
  bool running() const { return !finished_at_; }
  TimePoint started_at() const { return started_at_; }
  std::optional<TimePoint> finished_at() const { return finished_at_; }
  int exit_code() const { return exit_code_; }
  const std::string& error() const { return error_; }  // empty after success
  // What it used: while it runs, the processor time of its group so far; after its end also the rest, for the
  // leader and those that it waited for.
  struct Usage {
    std::chrono::microseconds cpu{0};
    uint64_t output_bytes = 0;                  // printed
    std::optional<uint64_t> peak_memory_bytes;  // the largest process; unknown below the daemon's own size
    std::optional<uint64_t> written_bytes;      // to disks
  };
  Usage usage() const;
  const CommandLog* log() const { return log_.get(); }  // null in the foreground

  // SIGTERM to the group and to descendants outside it, SIGKILL to what is left after `patience`; returns
  // when it is gone. `reaped` must be notified each time a process was reaped.
  net::task<> interrupt(net::Event& reaped, std::chrono::milliseconds patience);

 private:
  void begin();
  void launch();
  std::shared_ptr<OutputReader> read_lines(Fd pipe, OutputKind kind);
  std::shared_ptr<OutputReader> read_log(Fd pipe);
  void could_not_start(const Error& error);
  void exited(sys::ExitStatus status);
  std::vector<std::shared_ptr<OutputReader>> open_readers() const;
  void end(int exit_code, std::string error);
  void close_journal(std::string terminal_event);
  static net::task<> watch_time(std::shared_ptr<Command> self);
  static net::task<bool> wait_for_end(std::shared_ptr<Command> self, net::Event& reaped,
                                      const ProcessTree& tree, std::chrono::milliseconds patience);

  net::asio::any_io_executor executor_;
  Reaper& reaper_;
  std::string id_;
  std::string content_;
  sys::ChildSpec child_;
  std::chrono::milliseconds timeout_;
  bool background_;
  LineSplitter::Terminators terminators_;

  bool begun_ = false;
  pid_t pid_ = -1;
  TimePoint started_at_;
  std::chrono::steady_clock::time_point started_;
  std::optional<TimePoint> finished_at_;
  int exit_code_ = 0;
  std::string error_;
  std::optional<sys::ResourceUsage> used_;
  uint64_t hidden_memory_ = 0;  // a peak up to that is our own, not the command's
  std::shared_ptr<uint64_t> output_bytes_ = std::make_shared<uint64_t>(0);

  std::shared_ptr<Journal> journal_;  // of a foreground command, until its terminal event
  std::function<void(Command&)> on_end_;
  std::vector<std::weak_ptr<OutputReader>> readers_;  // they live as long as their pipes
  std::vector<std::shared_ptr<OutputRecord>> records_;
  std::shared_ptr<CommandLog> log_;
  net::Event ended_;
};

}  // namespace osb::execd
