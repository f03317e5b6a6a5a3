// Copying the process of a context. It forks itself through a process in between that ends at once, so that
// the copies are nobody's children and come to the daemon, which reaps orphans.
#include <signal.h>
#include <unistd.h>

#include <limits>
#include <utility>

#include "base/defer.h"
#include "base/error.h"
#include "execd/code/worker_kernel.h"
#include "execd/reaper.h"

namespace osb::execd {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds kCopyTime{30'000};

Error not_forkable(const std::string& why) {
  return Error(ErrorCode::conflict, "copying a context: " + why, kNotForkable);
}

// A copy leads a group of its own. Its number comes from a process that runs code of users: it must not make
// us end anything else with it.
bool can_be_copy(int64_t pid) {
  return pid > 1 && pid <= std::numeric_limits<pid_t>::max() && pid != ::getpid() &&
         ::getpgid(static_cast<pid_t>(pid)) == static_cast<pid_t>(pid);
}

}  // namespace

net::task<WorkerKernel::Copying> WorkerKernel::ask_for_copies(CopyRequest request,
                                                              std::vector<WorkerProcess>& copies) {
  co_await channel_.send(copy_request(request.count, request.fresh));
  for (size_t i = 0; i < request.count; ++i) {
    WorkerEnds ends = make_worker_ends();
    co_await channel_.send(copy_into(), ends.theirs());
    copies.push_back(std::move(ends.ours));
  }
  Clock::time_point end = Clock::now() + kCopyTime;
  while (!copying_->done) {
    if (ended_) throw Error(ErrorCode::unavailable, "copying a context: its process ended (" + *ended_ + ")");
    auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now());
    if (left.count() <= 0) {
      signal_group(SIGKILL);
      throw Error(ErrorCode::timeout, "copying a context: its process does not answer");
    }
    co_await changed_.wait_for(left);
  }
  co_return *copying_;
}

std::shared_ptr<WorkerKernel> WorkerKernel::adopt_copy(Reaper& reaper, WorkerProcess copy,
                                                       const std::string& after_death) {
  auto kernel = start(executor_, std::move(copy), after_death);
  reaper.adopt(kernel->pid(), [weak = std::weak_ptr(kernel)](sys::ExitStatus status) {
    auto self = weak.lock();
    if (!self || self->ended_) return;
    self->signal_group(SIGKILL);  // what it started
    self->exited(status);
  });
  return kernel;
}

net::task<std::vector<std::shared_ptr<Kernel>>> WorkerKernel::copy(Reaper& reaper, CopyRequest request) {
  auto self = shared_from_this();
  if (!channel_.takes_descriptors()) throw not_forkable("only contexts of python can be");
  if (busy()) throw not_forkable("busy: the context runs code");
  copying_ = Copying{};
  Defer done([this] { copying_.reset(); });
  std::vector<WorkerProcess> copies;
  Copying answer = co_await ask_for_copies(request, copies);
  if (answer.pids.size() != copies.size())
    throw not_forkable(answer.refusal.empty() ? "memory: there are too few copies" : answer.refusal);
  std::vector<std::shared_ptr<Kernel>> kernels;
  Defer give_up([&] {
    for (const auto& kernel : kernels) kernel->kill();
  });
  std::vector<std::shared_ptr<WorkerKernel>> starting;
  for (size_t i = 0; i < copies.size(); ++i) {
    if (!can_be_copy(answer.pids[i])) throw not_forkable("a copy ended at once");
    copies[i].pid = static_cast<pid_t>(answer.pids[i]);
    starting.push_back(adopt_copy(reaper, std::move(copies[i]), request.after_death));
    kernels.push_back(starting.back());
  }
  for (const auto& kernel : starting) co_await kernel->ready(kCopyTime);
  give_up.dismiss();
  co_return kernels;
}

}  // namespace osb::execd
