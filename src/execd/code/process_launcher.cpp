#include "execd/code/process_launcher.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/defer.h"
#include "base/error.h"
#include "base/log.h"
#include "execd/code/output_pipe.h"
#include "execd/code/worker_channel.h"
#include "execd/code/worker_kernel.h"
#include "net/timer.h"

namespace osb::execd {
namespace {

constexpr int kFirstFile = 5;

// One per process: contexts must not be able to change what the next one runs.
Fd program_file(std::string_view bytes) {
  Fd file(check(::memfd_create("osb-worker", MFD_CLOEXEC), "making the file of a worker"));
  while (!bytes.empty())
    bytes.remove_prefix(
        static_cast<size_t>(check(::write(file.get(), bytes.data(), bytes.size()), "writing a worker")));
  check(::lseek(file.get(), 0, SEEK_SET), "rewinding a worker");
  return file;
}

// A directory may be replaced by another of the same name while a process waits in it.
struct Place {
  std::string path;
  dev_t device = 0;
  ino_t inode = 0;
  bool operator==(const Place&) const = default;
};

Place place_of(std::string path) {
  struct stat info = {};
  ::stat(path.c_str(), &info);
  return {std::move(path), info.st_dev, info.st_ino};
}

sys::ChildSpec child_spec(WorkerProgram program, const std::string& cwd, const WorkerLimits& limits) {
  sys::ChildSpec spec;
  spec.program = std::move(program.program);
  spec.argv = std::move(program.argv);
  spec.env = std::move(program.env);
  std::erase_if(spec.env, [](const std::string& entry) { return entry.starts_with("PWD="); });
  spec.env.push_back("PWD=" + cwd);
  spec.cwd = cwd;
  spec.new_session = true;
  spec.ends_with_us = true;  // one that is busy would not see the end of its channel
  spec.oom_score_adj = limits.oom_score_adj;
  spec.open_files = limits.open_files;
  return spec;
}

std::shared_ptr<WorkerKernel> start_worker(const net::asio::any_io_executor& executor, Reaper& reaper,
                                           WorkerProgram program, const std::string& cwd,
                                           const WorkerLimits& limits) {
  ChannelPipes channel = make_channel_pipes();
  Pipe output = make_output_pipe(), errors = make_output_pipe();
  std::vector<Fd> files;
  for (std::string_view text : program.files) files.push_back(program_file(text));
  sys::ChildSpec spec = child_spec(std::move(program), cwd, limits);
  spec.fds = {{1, output.write.get()},
              {2, errors.write.get()},
              {3, channel.their_in.get()},
              {4, channel.their_out.get()}};
  for (const Fd& file : files)
    spec.fds.emplace_back(kFirstFile + static_cast<int>(spec.fds.size()) - 4, file.get());

  struct Started {
    pid_t pid = -1;
    std::weak_ptr<WorkerKernel> kernel;
  };
  auto started = std::make_shared<Started>();
  sys::Child child = reaper.start(spec, [started](sys::ExitStatus status) {
    // What it started in its group goes with it. Nobody else gets the number while one of them lives.
    if (started->pid > 0) ::kill(-started->pid, SIGKILL);
    if (auto kernel = started->kernel.lock()) kernel->exited(status);
  });
  started->pid = child.pid;
  WorkerProcess process{child.pid, std::move(channel.incoming), std::move(output.read),
                        std::move(errors.read), std::move(channel.outgoing)};
  auto kernel = WorkerKernel::start(executor, std::move(process), {});
  started->kernel = kernel;
  return kernel;
}

}  // namespace

struct ProcessLauncher::State {
  State(net::asio::any_io_executor executor, Reaper& reaper, std::unique_ptr<ProcessLanguage> language,
        std::vector<std::string> env, WorkerLimits limits, std::chrono::milliseconds spare_time)
      : executor(executor),
        reaper(reaper),
        language(std::move(language)),
        env(std::move(env)),
        limits(limits),
        spare_time(spare_time),
        changed(executor) {}

  static net::task<std::shared_ptr<WorkerKernel>> start(std::shared_ptr<State> self, std::string cwd);
  static net::task<std::shared_ptr<WorkerKernel>> ready(std::shared_ptr<State> self, std::string cwd);
  static net::task<> keep_spare(std::shared_ptr<State> self, std::string cwd);
  std::shared_ptr<WorkerKernel> take_spare(const std::string& cwd);
  void drop_spare();

  net::asio::any_io_executor executor;
  Reaper& reaper;
  std::unique_ptr<ProcessLanguage> language;
  std::vector<std::string> env;
  WorkerLimits limits;
  std::chrono::milliseconds spare_time;
  net::Event changed;
  bool closed = false;
  bool told = false;    // the log has the version
  uint64_t spares = 0;  // the latest one asked for; others are given up
  std::shared_ptr<WorkerKernel> spare;
  Place spare_place;
};

ProcessLauncher::ProcessLauncher(net::asio::any_io_executor executor, Reaper& reaper,
                                 std::unique_ptr<ProcessLanguage> language, std::vector<std::string> env,
                                 WorkerLimits limits, std::chrono::milliseconds spare_time)
    : state_(std::make_shared<State>(executor, reaper, std::move(language), std::move(env), limits,
                                     spare_time)) {}

ProcessLauncher::~ProcessLauncher() {
  state_->closed = true;
  state_->drop_spare();
}

// A process that may not be ready yet.
net::task<std::shared_ptr<WorkerKernel>> ProcessLauncher::State::start(std::shared_ptr<State> self,
                                                                       std::string cwd) {
  try {
    WorkerProgram program = co_await self->language->program(self->env);
    if (self->closed) throw Error(ErrorCode::unavailable, "starting a context: the sandbox ends");
    co_return start_worker(self->executor, self->reaper, std::move(program), cwd, self->limits);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::not_found) throw;
    throw Error(ErrorCode::unsupported, "language " + self->language->name() +
                                            " is not available in this image (" + error.message() + ")");
  }
}

net::task<std::shared_ptr<WorkerKernel>> ProcessLauncher::State::ready(std::shared_ptr<State> self,
                                                                       std::string cwd) {
  if (auto kernel = self->take_spare(cwd)) {
    Defer give_up([&] { kernel->kill(); });
    try {
      co_await kernel->ready(self->limits.start_time);
      give_up.dismiss();
      co_return kernel;
    } catch (const Error& error) {
      log_warn("a waiting worker was of no use",
               {{"language", self->language->name()}, {"error", error.message()}});
    }
  }
  auto kernel = co_await start(self, std::move(cwd));
  Defer give_up([&] { kernel->kill(); });
  co_await kernel->ready(self->limits.start_time);
  give_up.dismiss();
  co_return kernel;
}

net::task<std::shared_ptr<Kernel>> ProcessLauncher::launch(std::string cwd, std::string after_death) {
  auto state = state_;
  auto kernel = co_await State::ready(state, cwd);
  kernel->tell_after_death(std::move(after_death));
  if (!std::exchange(state->told, true))
    log_info("language started", {{"language", state->language->name()}, {"version", kernel->version()}});
  if (!state->closed) net::spawn(state->executor, "waiting worker", State::keep_spare(state, std::move(cwd)));
  co_return kernel;
}

void ProcessLauncher::warm_up(std::string cwd) {
  net::spawn(state_->executor, "waiting worker", State::keep_spare(state_, std::move(cwd)));
}

// -- the process that waits for a context

std::shared_ptr<WorkerKernel> ProcessLauncher::State::take_spare(const std::string& cwd) {
  if (!spare || !spare->alive() || spare_place != place_of(cwd)) return nullptr;
  changed.notify();
  return std::exchange(spare, nullptr);
}

void ProcessLauncher::State::drop_spare() {
  if (auto old = std::exchange(spare, nullptr)) old->kill();
  changed.notify();
}

net::task<> ProcessLauncher::State::keep_spare(std::shared_ptr<State> self, std::string cwd) {
  uint64_t number = ++self->spares;
  Place place = place_of(cwd);
  if (self->spare && self->spare->alive() && self->spare_place == place) co_return;
  self->drop_spare();
  try {
    auto kernel = co_await start(self, std::move(cwd));
    if (self->closed || number != self->spares || self->spare) {
      kernel->kill();
      co_return;
    }
    self->spare = std::move(kernel);
    self->spare_place = std::move(place);
  } catch (const Error& error) {
    log_warn("no worker waits", {{"language", self->language->name()}, {"error", error.message()}});
    co_return;
  }
  auto end = std::chrono::steady_clock::now() + self->spare_time;
  std::weak_ptr<WorkerKernel> ours = self->spare;
  while (self->spare && self->spare == ours.lock()) {
    auto left = std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
    if (left.count() <= 0) co_return self->drop_spare();
    co_await self->changed.wait_for(left);
  }
}

}  // namespace osb::execd
