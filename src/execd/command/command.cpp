#include "execd/command/command.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include <boost/asio/post.hpp>

#include "base/ids.h"
#include "base/log.h"
#include "execd/event.h"
#include "execd/process_tree.h"

namespace osb::execd {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr const char* kErrorName = "CommandExecError";
constexpr int kNotStarted = 255;
constexpr milliseconds kLongest = std::chrono::hours(24 * 365);
// After SIGKILL only the kernel can keep a process; a caller should not wait for that without end.
constexpr milliseconds kKillTime{5000};

// A program that opens /dev/stdout by name needs the right to do so under its own uid.
void give_to(const Fd& pipe, const sys::ChildSpec& child) {
  if (!child.uid && !child.gid) return;
  if (::fchown(pipe.get(), child.uid.value_or(-1), child.gid.value_or(-1)) != 0)
    log_debug("an output pipe keeps its owner");
}

}  // namespace

Command::Command(net::asio::any_io_executor executor, Reaper& reaper, CommandSpec spec)
    : executor_(executor),
      reaper_(reaper),
      id_(new_hex_id()),
      content_(std::move(spec.content)),
      child_(std::move(spec.child)),
      timeout_(std::min(spec.timeout, kLongest)),
      background_(spec.background),
      terminators_(spec.terminators),
      ended_(executor) {}

void Command::start(std::shared_ptr<Journal> journal, std::function<void(Command&)> on_end) {
  journal_ = std::move(journal);
  on_end_ = std::move(on_end);
  started_at_ = now();
  started_ = steady_clock::now();
  journal_->append(init_event(id_, id_));
  if (background_) return begin();
  // The client hears of it first: it wakes up beside the start of the process instead of in its way.
  net::asio::post(executor_, [weak = weak_from_this()] {
    if (auto self = weak.lock()) self->begin();
  });
}

void Command::begin() {
  if (std::exchange(begun_, true)) return;
  try {
    launch();
  } catch (const Error& error) {
    could_not_start(error);
    return;
  }
  child_ = {};
  if (timeout_.count() > 0) net::spawn(executor_, "command time limit", watch_time(shared_from_this()));
  if (!background_) return;
  journal_->append(execution_complete_event(0));
  journal_->close();
  journal_.reset();
}

void Command::launch() {
  Pipe out = make_pipe();
  Pipe err = background_ ? Pipe{} : make_pipe();
  give_to(out.write, child_);
  if (err.write) give_to(err.write, child_);
  if (background_) log_ = std::make_shared<CommandLog>();
  hidden_memory_ = sys::own_peak_memory();
  child_.fds = {{1, out.write.get()}, {2, background_ ? out.write.get() : err.write.get()}};
  auto self = shared_from_this();
  pid_ = reaper_.start(child_, [self](sys::ExitStatus status) { self->exited(status); }).pid;

  if (background_) {
    readers_.push_back(read_log(std::move(out.read)));
    return;
  }
  readers_.push_back(read_lines(std::move(out.read), OutputKind::out));
  readers_.push_back(read_lines(std::move(err.read), OutputKind::err));
  journal_->on_drain([weak = weak_from_this()] {
    auto self = weak.lock();
    if (!self) return;
    // In turn, so that neither stream takes all the room.
    std::ranges::reverse(self->readers_);
    for (auto& reader : self->open_readers()) reader->resume();
  });
}

std::shared_ptr<OutputReader> Command::read_lines(Fd pipe, OutputKind kind) {
  auto record = std::make_shared<OutputRecord>(journal_, kind, terminators_);
  records_.push_back(record);
  OutputReader::Consumer consumer;
  consumer.take = [record, printed = output_bytes_](std::string_view bytes, bool more) {
    *printed += bytes.size();
    record->take(bytes, more);
  };
  consumer.congested = [record] { return record->congested(); };
  return OutputReader::start(executor_, std::move(pipe), std::move(consumer));
}

std::shared_ptr<OutputReader> Command::read_log(Fd pipe) {
  OutputReader::Consumer consumer;
  consumer.take = [log = log_, printed = output_bytes_](std::string_view bytes, bool) {
    *printed += bytes.size();
    log->append(bytes);
  };
  return OutputReader::start(executor_, std::move(pipe), std::move(consumer));
}

void Command::could_not_start(const Error& error) {
  child_ = {};
  end(kNotStarted, error.message());
  close_journal(error_event(kErrorName, error.message(), {error.message()}));
}

void Command::exited(sys::ExitStatus status) {
  auto self = shared_from_this();
  auto took = std::chrono::duration_cast<milliseconds>(steady_clock::now() - started_).count();
  bool success = status.signal == 0 && status.code == 0;
  std::string text = status.text();
  used_ = status.usage;
  std::string terminal =
      success ? execution_complete_event(took) : error_event(kErrorName, std::to_string(status.code), {text});
  auto readers = open_readers();
  if (background_)
    for (auto& reader : readers) reader->drain();  // the log is complete when end() tells
  end(status.code, success ? "" : text);
  if (background_) return;
  auto left = std::make_shared<size_t>(readers.size() + 1);
  auto done = [self, left, terminal] {
    if (--*left == 0) self->close_journal(terminal);
  };
  for (auto& reader : readers) reader->finish(done);
  done();
}

Command::Usage Command::usage() const {
  Usage out;
  out.output_bytes = *output_bytes_;
  if (used_) {
    out.cpu = used_->cpu;
    out.written_bytes = used_->written_bytes;
    if (used_->peak_memory_bytes > hidden_memory_) out.peak_memory_bytes = used_->peak_memory_bytes;
  } else if (pid_ > 0) {
    out.cpu = cpu_time_of_group(pid_);
  }
  return out;
}

std::vector<std::shared_ptr<OutputReader>> Command::open_readers() const {
  std::vector<std::shared_ptr<OutputReader>> out;
  for (const auto& reader : readers_)
    if (auto open = reader.lock()) out.push_back(std::move(open));
  return out;
}

void Command::end(int exit_code, std::string error) {
  auto keep = shared_from_this();
  finished_at_ = now();
  exit_code_ = exit_code;
  error_ = std::move(error);
  ended_.notify();
  if (auto on_end = std::exchange(on_end_, nullptr)) on_end(*this);
}

void Command::close_journal(std::string terminal_event) {
  for (auto& record : records_) record->finish();
  records_.clear();
  if (auto journal = std::exchange(journal_, nullptr)) {
    journal->append(terminal_event);
    journal->close();
  }
}

net::task<> Command::watch_time(std::shared_ptr<Command> self) {
  bool ended = co_await self->ended_.wait_for(self->timeout_);
  if (!ended && self->running()) ProcessTree(self->pid_).signal(SIGKILL);
}

net::task<bool> Command::wait_for_end(std::shared_ptr<Command> self, net::Event& reaped,
                                      const ProcessTree& tree, milliseconds patience) {
  auto end = steady_clock::now() + patience;
  while (self->running() || tree.group_alive()) {
    auto left = std::chrono::ceil<milliseconds>(end - steady_clock::now());
    if (left.count() <= 0 || !co_await reaped.wait_for(left)) co_return false;
  }
  co_return true;
}

net::task<> Command::interrupt(net::Event& reaped, milliseconds patience) {
  auto self = shared_from_this();
  begin();
  if (!running()) co_return;
  ProcessTree tree(pid_);
  tree.signal(SIGTERM);
  if (co_await wait_for_end(self, reaped, tree, patience)) {
    tree.signal_outside(SIGKILL);
    co_return;
  }
  tree.signal(SIGKILL);
  co_await wait_for_end(self, reaped, tree, kKillTime);
}

}  // namespace osb::execd
