#include "execd/pty/pty_shell.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "sys/pidfd.h"

namespace osb::execd {
namespace {

constexpr size_t kReadBytes = 32 * 1024;
// More than the kernel keeps between the ends of a terminal. What comes beyond after the exit is of processes
// that were left behind.
constexpr size_t kTerminalBytes = 256 * 1024;

// Whether the group is one of that session: a number that the terminal remembers may belong to others by now.
bool is_in_session(pid_t group, pid_t session) {
  return std::ranges::any_of(read_processes(), [&](const ProcessStat& process) {
    return process.group == group && process.session == session;
  });
}

// Processes left behind may go on printing into their pipe without dying from it.
net::task<> discard_output(net::asio::any_io_executor executor, Fd pipe) {
  net::Readable readable(executor, pipe.get());
  char buffer[4096];
  for (ssize_t n = 1; n != 0 && (n > 0 || errno == EAGAIN || errno == EINTR);) {
    co_await readable.wait();
    n = ::read(pipe.get(), buffer, sizeof buffer);
  }
}

}  // namespace

struct PtyShell::Source {
  Source(const net::asio::any_io_executor& executor, Fd f, Output k) : fd(std::move(f)), kind(k) {
    readable.emplace(executor, fd.get());
  }

  // The shell is gone: what it has written is there now.
  void count_rest(PtyMode mode) {
    int waiting = 0;
    if (mode == PtyMode::pipe) ::ioctl(fd.get(), FIONREAD, &waiting);
    left = mode == PtyMode::pty ? kTerminalBytes : static_cast<size_t>(std::max(waiting, 0));
    readable->cancel();
  }

  Fd fd;
  std::optional<net::Readable> readable;
  Output kind;
  std::optional<size_t> left;  // bytes that may still be the shell's, once it is gone
};

PtyShell::PtyShell(net::asio::any_io_executor executor, PtyMode mode, Listener listener)
    : executor_(executor), mode_(mode), listener_(std::move(listener)), resumed_(executor) {}

std::shared_ptr<PtyShell> PtyShell::start(const net::asio::any_io_executor& executor, Reaper& reaper,
                                          sys::ChildSpec child, PtyMode mode, Listener listener) {
  auto self = std::make_shared<PtyShell>(executor, mode, std::move(listener));
  std::vector<Fd> theirs;
  if (mode == PtyMode::pty) {
    self->open_terminal(child, theirs);
  } else {
    self->open_pipes(child, theirs);
  }
  self->pid_ = reaper.start(child, [self](sys::ExitStatus status) { self->exited(status); }).pid;
  for (const auto& source : self->sources_)
    net::spawn(executor, "terminal output", read_output(self, source));
  return self;
}

void PtyShell::open_terminal(sys::ChildSpec& child, std::vector<Fd>& theirs) {
  sys::Terminal terminal = sys::open_terminal({});
  child.new_session = true;
  child.own_terminal = true;
  for (int fd : {0, 1, 2}) child.fds.emplace_back(fd, terminal.theirs.get());
  theirs.push_back(std::move(terminal.theirs));
  input_ = std::make_shared<InputQueue>(executor_, duplicate(terminal.ours.get()), listener_.input);
  add_source(std::move(terminal.ours), Output::out);
}

void PtyShell::open_pipes(sys::ChildSpec& child, std::vector<Fd>& theirs) {
  Pipe in = make_pipe();
  Pipe out = make_pipe();
  Pipe err = make_pipe();
  child.new_session = true;
  child.fds = {{0, in.read.get()}, {1, out.write.get()}, {2, err.write.get()}};
  theirs.push_back(std::move(in.read));
  theirs.push_back(std::move(out.write));
  theirs.push_back(std::move(err.write));
  input_ = std::make_shared<InputQueue>(executor_, non_blocking(std::move(in.write)), listener_.input);
  add_source(non_blocking(std::move(out.read)), Output::out);
  add_source(non_blocking(std::move(err.read)), Output::err);
}

void PtyShell::add_source(Fd fd, Output kind) {
  sources_.push_back(std::make_shared<Source>(executor_, std::move(fd), kind));
}

net::task<> PtyShell::read_output(std::shared_ptr<PtyShell> self, std::shared_ptr<Source> source) {
  for (bool open = true; open;) {
    if (source->left != size_t{0} && self->listener_.room() == 0) {
      co_await self->resumed_.wait();
      continue;
    }
    if (!source->left) {
      try {
        co_await source->readable->wait();
      } catch (const Error&) {
        // the shell is gone; what is there is read without waiting
      }
    }
    open = self->read_once(*source);
  }
  self->close(*source);
  std::erase(self->sources_, source);
  self->end_if_complete();
}

void PtyShell::close(Source& source) {
  source.readable.reset();
  if (mode_ == PtyMode::pipe && source.left)
    net::spawn(executor_, "output of processes left behind", discard_output(executor_, std::move(source.fd)));
  source.fd.reset();
}

// Hands out what is there, up to one piece. False when nothing will come any more.
bool PtyShell::read_once(Source& source) {
  char buffer[kReadBytes];
  size_t limit = std::min({sizeof buffer, listener_.room(), source.left.value_or(SIZE_MAX)});
  size_t got = 0;
  bool open = source.left != size_t{0};
  while (open && got < limit) {
    ssize_t n = ::read(source.fd.get(), buffer + got, limit - got);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      open = n < 0 && errno == EAGAIN && !source.left;
      break;
    }
    got += static_cast<size_t>(n);
  }
  if (source.left) *source.left -= got;
  if (got > 0) listener_.output(source.kind, {buffer, got});
  return open;
}

void PtyShell::exited(sys::ExitStatus status) {
  status_ = status;
  input_->stop();
  left_behind_ = ProcessTree(pid_).release();
  for (const auto& source : sources_) source->count_rest(mode_);
  end_if_complete();
}

void PtyShell::end_if_complete() {
  if (!status_ || !sources_.empty() || std::exchange(ended_, true)) return;
  Listener listener = std::exchange(listener_, {});
  listener.ended();
}

void PtyShell::end_input() {
  if (mode_ == PtyMode::pipe) {
    input_->end();
  } else if (!sources_.empty()) {
    char character = sys::end_of_input_character(sources_.front()->fd.get());
    input_->write({&character, 1});
  }
}

void PtyShell::resize(sys::TerminalSize size) {
  if (mode_ == PtyMode::pty && !sources_.empty()) sys::resize_terminal(sources_.front()->fd.get(), size);
}

void PtyShell::signal(int number) const {
  if (!running()) return;
  ::kill(-pid_, number);
  if (mode_ != PtyMode::pty || sources_.empty()) return;
  pid_t group = sys::foreground_group(sources_.front()->fd.get());
  if (group > 1 && group != pid_ && is_in_session(group, pid_)) ::kill(-group, number);
}

size_t PtyShell::kill() const {
  ProcessTree tree(pid_);
  if (running()) tree.signal(SIGKILL);
  std::vector<Fd> found = tree.release();
  for (const Fd& process : found) sys::send_signal(process, SIGKILL);
  return found.size();
}

}  // namespace osb::execd
