#include "execd/session/shell.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "execd/process_tree.h"
#include "net/writable.h"

namespace osb::execd {
namespace {

constexpr size_t kReadBytes = 64 * 1024;
constexpr std::chrono::milliseconds kReportTime{200};  // from the last report to the end

void make_non_blocking(const Fd& fd) {
  check(::fcntl(fd.get(), F_SETFL, O_NONBLOCK), "preparing a session's shell");
}

}  // namespace

Shell::Shell(net::asio::any_io_executor executor, ShellKind kind, Fd input, Fd reports, Listener listener)
    : executor_(executor),
      kind_(kind),
      input_(std::move(input)),
      reports_(std::move(reports)),
      reports_readable_(executor, reports_.get()),
      listener_(std::move(listener)) {}

Shell::~Shell() {
  if (pid_ > 0) kill();
}

std::shared_ptr<Shell> Shell::start(net::asio::any_io_executor executor, Reaper& reaper, std::string program,
                                    sys::ChildSpec child, Listener listener) {
  Pipe input = make_pipe(), output = make_pipe(), errors = make_pipe(), reports = make_pipe();
  make_non_blocking(input.write);
  make_non_blocking(reports.read);
  bool bash = program.ends_with("bash");
  std::shared_ptr<Shell> shell(new Shell(executor, bash ? ShellKind::bash : ShellKind::other,
                                         std::move(input.write), std::move(reports.read),
                                         std::move(listener)));
  child.argv =
      bash ? std::vector<std::string>{"bash", "--noprofile", "--norc"} : std::vector<std::string>{"sh"};
  child.program = std::move(program);
  child.fds = {{0, input.read.get()},
               {1, output.write.get()},
               {2, errors.write.get()},
               {kReportDescriptor, reports.write.get()}};
  std::weak_ptr<Shell> weak = shell;
  shell->pid_ = reaper
                    .start(child,
                           [weak](sys::ExitStatus status) {
                             if (auto self = weak.lock()) self->exited(status);
                           })
                    .pid;
  shell->output_ = OutputReader::start(executor, std::move(output.read), {});
  shell->errors_ = OutputReader::start(executor, std::move(errors.read), {});
  net::spawn(executor, "shell reports", read_reports(shell));
  return shell;
}

// -- input

void Shell::send(std::string text) {
  unread_ += text;
  if (!std::exchange(writing_, true)) net::spawn(executor_, "shell input", write_input(shared_from_this()));
}

net::task<> Shell::write_input(std::shared_ptr<Shell> self) {
  while (!self->unread_.empty() && self->pid_ > 0) {
    ssize_t n = ::write(self->input_.get(), self->unread_.data(), self->unread_.size());
    if (n > 0)
      self->unread_.erase(0, static_cast<size_t>(n));
    else if (errno == EAGAIN)
      co_await net::wait_writable(self->input_.get());
    else if (errno != EINTR)
      break;  // the shell has ended
  }
  self->unread_ = {};
  self->writing_ = false;
}

// -- output

void Shell::read_into(OutputReader::Consumer output, OutputReader::Consumer errors) {
  if (auto reader = output_.lock()) reader->restart(std::move(output));
  if (auto reader = errors_.lock()) reader->restart(std::move(errors));
}

void Shell::resume() {
  errors_first_ = !errors_first_;  // in turn, so that neither takes all the room
  auto first = (errors_first_ ? errors_ : output_).lock(),
       second = (errors_first_ ? output_ : errors_).lock();
  if (first) first->resume();
  if (second) second->resume();
}

void Shell::finish_output(std::function<void()> done) {
  auto left = std::make_shared<int>(1);
  auto one_less = [left, done = std::move(done)] {
    if (--*left == 0) done();
  };
  auto output = output_.lock(), errors = errors_.lock();
  *left += (output ? 1 : 0) + (errors ? 1 : 0);
  if (output) output->finish(one_less);
  if (errors) errors->finish(one_less);
  one_less();
}

// -- reports

bool Shell::read_report_bytes() {
  char buffer[kReadBytes];
  errno = 0;
  ssize_t n = ::read(reports_.get(), buffer, sizeof buffer);
  if (n > 0) reader_.feed({buffer, static_cast<size_t>(n)});
  while (auto report = reader_.next())
    if (listener_.report) listener_.report(std::move(*report));
  return n > 0;
}

net::task<> Shell::read_reports(std::shared_ptr<Shell> self) {
  try {
    while (true) {
      co_await self->reports_readable_.wait();
      if (self->pid_ < 0) co_return;
      if (!self->read_report_bytes() && errno != EAGAIN && errno != EINTR) break;
    }
    // It ends; or its code closed the descriptor, and nothing will ever be told again.
    co_await net::sleep_for(kReportTime);
    if (self->pid_ > 0) ::kill(self->pid_, SIGKILL);
  } catch (const Error&) {  // cancelled: the shell has ended
  }
}

// -- the end

void Shell::exited(sys::ExitStatus status) {
  auto self = shared_from_this();
  while (read_report_bytes()) {}
  reports_readable_.cancel();
  if (auto exit = std::exchange(listener_.exit, nullptr)) exit(status);
  listener_ = {};
  pid_ = -1;
}

void Shell::ask_to_stop() {
  if (pid_ > 0) ::kill(pid_, kStopSignal);
}

void Shell::kill() {
  if (pid_ > 0) ProcessTree(pid_).signal(SIGKILL);
}

}  // namespace osb::execd
