// One living shell process: text in, reports out, and two pipes for what it and its children print. It knows
// nothing of runs; a session does.
//
// The shell reads its input byte by byte, as shells do with a pipe, since what follows belongs to the next
// command. Output is read as long as anybody holds the pipes, so that what a run left in the background
// neither blocks nor dies from SIGPIPE; without a consumer it is dropped.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <string>

#include "base/fd.h"
#include "execd/command/output_reader.h"
#include "execd/reaper.h"
#include "execd/session/shell_report.h"
#include "execd/session/shell_script.h"
#include "net/task.h"
#include "net/timer.h"
#include "sys/child.h"

namespace osb::execd {

class Shell : public std::enable_shared_from_this<Shell> {
 public:
  struct Listener {
    std::function<void(ShellReport)> report;
    std::function<void(sys::ExitStatus)> exit;  // once, after all reports; perhaps long after start()
  };

  // `child` lacks program, argv and descriptors. Throws Error when there is no shell that can be started.
  static std::shared_ptr<Shell> start(net::asio::any_io_executor executor, Reaper& reaper,
                                      std::string program, sys::ChildSpec child, Listener listener);
  ~Shell();

  ShellKind kind() const { return kind_; }
  // Leads its process group; -1 once its end was told.
  pid_t pid() const { return pid_; }
  // Appends to what the shell reads. Lost when it has ended.
  void send(std::string text);

  // From now on what is printed goes there.
  void read_into(OutputReader::Consumer output, OutputReader::Consumer errors);
  // The consumers can take more.
  void resume();
  // `done` runs once, when they have got everything that was printed until now (perhaps at once). What comes
  // from now on is dropped.
  void finish_output(std::function<void()> done);

  // The trap of shell_script.h; a shell that runs a program acts on it when that has ended.
  void ask_to_stop();
  // SIGKILL to it and to everything that came of it.
  void kill();

 private:
  Shell(net::asio::any_io_executor executor, ShellKind kind, Fd input, Fd reports, Listener listener);

  static net::task<> write_input(std::shared_ptr<Shell> self);
  static net::task<> read_reports(std::shared_ptr<Shell> self);
  bool read_report_bytes();
  void exited(sys::ExitStatus status);

  net::asio::any_io_executor executor_;
  ShellKind kind_;
  pid_t pid_ = -1;
  Fd input_;
  std::string unread_;  // input that is not written yet
  bool writing_ = false;
  Fd reports_;
  net::Readable reports_readable_;
  ShellReportReader reader_;
  Listener listener_;
  std::weak_ptr<OutputReader> output_, errors_;  // they live as long as their pipes
  bool errors_first_ = false;
};

}  // namespace osb::execd
