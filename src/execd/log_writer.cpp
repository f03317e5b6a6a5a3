#include "execd/log_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"

namespace osb::execd {
namespace {

using std::chrono::steady_clock;

constexpr size_t kPieceBytes = 4096;  // what a pipe that polls writable takes without blocking
constexpr int kPollMs = 100;
constexpr auto kLastWords = std::chrono::seconds(1);

class Output {
 public:
  Output(const std::string& name, const LogLimits& limits) : limits_(limits) {
    if (name == "stdout" || name == "stderr") {
      fd_ = Fd(check(::fcntl(name == "stdout" ? 1 : 2, F_DUPFD_CLOEXEC, 3), "opening the log"));
      return;
    }
    path_ = name;
    open();
    if (!fd_) throw system_error("opening the log " + name);
  }

  // Gives up when `may_wait` says so.
  template <class MayWait>
  void write(std::string_view text, MayWait may_wait) {
    rotate_if_full();
    while (fd_ && !text.empty()) {
      pollfd ready = {fd_.get(), POLLOUT, 0};
      int n = ::poll(&ready, 1, kPollMs);
      if (n <= 0 && may_wait()) continue;
      if (n <= 0) return;
      ssize_t written = ::write(fd_.get(), text.data(), std::min(text.size(), kPieceBytes));
      if (written < 0 && errno != EINTR && errno != EAGAIN) return;
      if (written > 0)
        text.remove_prefix(static_cast<size_t>(written)), bytes_ += static_cast<uint64_t>(written);
    }
  }

 private:
  void open() {
    fd_ = Fd(::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0640));
    struct stat info;
    bytes_ = fd_ && ::fstat(fd_.get(), &info) == 0 && S_ISREG(info.st_mode)
                 ? static_cast<uint64_t>(info.st_size)
                 : 0;
  }
  void rotate_if_full() {
    if (path_.empty() || bytes_ < limits_.file_bytes) return;
    auto numbered = [&](int i) { return i == 0 ? path_ : path_ + "." + std::to_string(i); };
    for (int i = limits_.kept_files; i > 0; --i) ::rename(numbered(i - 1).c_str(), numbered(i).c_str());
    open();
  }

  LogLimits limits_;
  std::string path_;  // empty: not a file of ours
  Fd fd_;
  uint64_t bytes_ = 0;
};

}  // namespace

struct LogWriter::State {
  std::vector<Output> outputs;
  LogLimits limits;
  std::mutex mutex;
  std::condition_variable filled;
  std::deque<std::string> waiting;
  size_t waiting_bytes = 0, dropped = 0;
  std::atomic<bool> ending = false;
  steady_clock::time_point ended_at;
  std::thread thread;

  void put(const std::string& line) {
    auto may_wait = [this] { return !ending || steady_clock::now() - ended_at < kLastWords; };
    for (Output& output : outputs) output.write(line, may_wait);
  }
  // The next line; empty at the end.
  std::string next() {
    std::unique_lock lock(mutex);
    filled.wait(lock, [this] { return !waiting.empty() || dropped > 0 || ending; });
    if (waiting.empty() && dropped > 0)
      return R"({"ts":")" + rfc3339_micros(now()) +
             R"(","level":"warn","msg":"log lines were dropped","count":)" +
             std::to_string(std::exchange(dropped, 0)) + "}\n";
    if (waiting.empty()) return {};
    std::string line = std::move(waiting.front());
    waiting.pop_front();
    waiting_bytes -= line.size();
    return line;
  }
  void run() {
    for (std::string line = next(); !line.empty(); line = next()) put(line);
  }
};

LogWriter::LogWriter(const std::vector<std::string>& outputs, LogLimits limits)
    : state_(std::make_unique<State>()) {
  state_->limits = limits;
  for (const std::string& name : outputs) state_->outputs.emplace_back(name, limits);
  // Signals are for the loop's thread.
  sigset_t all, before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  state_->thread = std::thread([state = state_.get()] { state->run(); });
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

LogWriter::~LogWriter() {
  {
    std::lock_guard lock(state_->mutex);
    state_->ended_at = steady_clock::now();
    state_->ending = true;
  }
  state_->filled.notify_one();
  state_->thread.join();
}

void LogWriter::write(std::string line) {
  {
    std::lock_guard lock(state_->mutex);
    if (state_->waiting_bytes + line.size() > state_->limits.waiting_bytes) {
      ++state_->dropped;
      return;
    }
    state_->waiting_bytes += line.size();
    state_->waiting.push_back(std::move(line));
  }
  state_->filled.notify_one();
}

}  // namespace osb::execd
