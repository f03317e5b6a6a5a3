// One life of a session's shell: a process with a terminal, or with three pipes, and what goes through them.
// It ends with its leader: what was printed until then is handed out first, then the exit code. The terminal
// is closed then, as when its window is.
//
// Trap: a terminal hands what is written to it over through a work queue of the kernel. A read that finds
// nothing waits for that queue, so reading until EAGAIN after the exit misses nothing.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "execd/process_tree.h"
#include "execd/pty/input_queue.h"
#include "execd/pty/pty_frame.h"
#include "execd/reaper.h"
#include "net/timer.h"
#include "sys/child.h"
#include "sys/terminal.h"

namespace osb::execd {

class PtyShell : public std::enable_shared_from_this<PtyShell> {
 public:
  struct Listener {
    // Bytes that may come at the moment; 0 holds the shell back until resume().
    std::function<size_t()> room;
    std::function<void(Output kind, std::string_view bytes)> output;
    std::function<void()> ended;  // once, after the last output
    InputQueue::Listener input;
  };

  // `child` is complete but for its descriptors and its session. Throws Error if it cannot be started.
  static std::shared_ptr<PtyShell> start(const net::asio::any_io_executor& executor, Reaper& reaper,
                                         sys::ChildSpec child, PtyMode mode, Listener listener);

  PtyMode mode() const { return mode_; }
  bool running() const { return !status_; }  // the process; output may still come
  // Of a shell that ended: its exit status, -1 when a signal ended it.
  int exit_code() const { return status_ ? status_->code : 0; }

  void resume() { resumed_.notify(); }
  InputQueue& input() { return *input_; }
  // The reader sees the end of its input: the pipe is closed, or the terminal's character for it is typed.
  void end_input();
  void resize(sys::TerminalSize size);  // nothing for pipes
  // To the shell's group and to the group in the terminal's foreground.
  void signal(int number) const;
  // SIGKILL to everything that it started, as far as it can be found: descendants, and all of its session.
  // Returns how many that were; may be called again, shortly after the end too, until there are none.
  size_t kill() const;
  // Processes of its session that outlived it, after the end; moved out.
  std::vector<Fd> take_left_behind() { return std::move(left_behind_); }

  PtyShell(net::asio::any_io_executor executor, PtyMode mode, Listener listener);

 private:
  struct Source;

  void open_terminal(sys::ChildSpec& child, std::vector<Fd>& theirs);
  void open_pipes(sys::ChildSpec& child, std::vector<Fd>& theirs);
  void add_source(Fd fd, Output kind);
  static net::task<> read_output(std::shared_ptr<PtyShell> self, std::shared_ptr<Source> source);
  bool read_once(Source& source);
  void close(Source& source);
  void exited(sys::ExitStatus status);
  void end_if_complete();

  net::asio::any_io_executor executor_;
  PtyMode mode_;
  Listener listener_;
  pid_t pid_ = -1;
  std::optional<sys::ExitStatus> status_;
  std::vector<std::shared_ptr<Source>> sources_;  // those that are open
  std::shared_ptr<InputQueue> input_;
  net::Event resumed_;
  std::vector<Fd> left_behind_;
  bool ended_ = false;
};

}  // namespace osb::execd
