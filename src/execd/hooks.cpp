#include "execd/hooks.h"

#include <signal.h>

#include <optional>
#include <set>
#include <utility>

#include "base/log.h"
#include "execd/process_tree.h"
#include "net/timer.h"

namespace osb::execd {

struct Hooks::State : std::enable_shared_from_this<State> {
  State(net::asio::any_io_executor e, Reaper& r, CommandDefaults d)
      : executor(e), reaper(&r), defaults(std::move(d)), changed(e) {}

  sys::ChildSpec spec_of(const Hook& hook) const;
  pid_t start(const Hook& hook, const std::string& name, std::function<void(sys::ExitStatus)> ended);
  net::task<> run(Hook hook, std::string name);
  static net::task<> repeat(std::shared_ptr<State> self, PeriodicHook hook, uint64_t generation);

  net::asio::any_io_executor executor;
  Reaper* reaper;  // null: we are gone
  CommandDefaults defaults;
  net::Event changed;
  std::set<pid_t> running;  // leaders that have not been reaped
  uint64_t generation = 0;  // of periodic hooks
};

sys::ChildSpec Hooks::State::spec_of(const Hook& hook) const {
  sys::ChildSpec spec;
  spec.program = hook.command.front();
  spec.argv = hook.command;
  spec.env = to_strings(command_environment(defaults.environment, {}));
  spec.cwd = defaults.cwd;
  spec.fds = {{1, 1}, {2, 2}};
  spec.oom_score_adj = defaults.oom_score_adj;
  spec.open_files = defaults.open_files;
  return spec;
}

pid_t Hooks::State::start(const Hook& hook, const std::string& name,
                          std::function<void(sys::ExitStatus)> ended) {
  try {
    return reaper->start(spec_of(hook), std::move(ended)).pid;
  } catch (const Error& error) {
    throw Error(error.code(), "running the hook " + name + ": " + error.message(), error.wire());
  }
}

net::task<> Hooks::State::run(Hook hook, std::string name) {
  auto self = shared_from_this();
  if (!reaper) throw Error(ErrorCode::unavailable, "running the hook " + name + ": the daemon ends");
  auto status = std::make_shared<std::optional<sys::ExitStatus>>();
  pid_t pid = start(hook, name, [self, status](sys::ExitStatus how) {
    *status = how;
    self->changed.notify();
  });
  running.insert(pid);
  auto end = std::chrono::steady_clock::now() + hook.timeout;
  bool late = false;
  while (!*status) {
    auto left = std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
    bool woken = left.count() > 0 && co_await changed.wait_for(left);
    if (woken || *status) continue;
    late = true;
    ProcessTree(pid).signal(SIGKILL);
    end = std::chrono::steady_clock::now() + std::chrono::seconds(5);
  }
  running.erase(pid);
  if (late) throw Error(ErrorCode::timeout, "running the hook " + name + ": its time is over");
  if ((*status)->signal != 0 || (*status)->code != 0)
    throw Error(ErrorCode::internal, "running the hook " + name + ": " + (*status)->text(), kHookFailed);
}

net::task<> Hooks::State::repeat(std::shared_ptr<State> self, PeriodicHook hook, uint64_t generation) {
  auto due = std::chrono::steady_clock::now() + hook.every;
  while (self->reaper && self->generation == generation) {
    auto left = std::chrono::ceil<std::chrono::milliseconds>(due - std::chrono::steady_clock::now());
    if (left.count() > 0) {
      co_await self->changed.wait_for(left);
      continue;
    }
    std::string failure;
    try {
      co_await self->run(hook.hook, hook.name);
    } catch (const Error& error) {
      failure = error.message();
    }
    if (!failure.empty()) log_warn("a periodic hook failed", {{"hook", hook.name}, {"error", failure}});
    due = std::chrono::steady_clock::now() + hook.every;
  }
}

Hooks::Hooks(net::asio::any_io_executor executor, Reaper& reaper, CommandDefaults defaults)
    : state_(std::make_shared<State>(std::move(executor), reaper, std::move(defaults))) {}

Hooks::~Hooks() {
  kill_running();
  state_->reaper = nullptr;
  state_->changed.notify();
}

void Hooks::add_environment(const Environment& more) {
  for (const auto& [name, value] : more) state_->defaults.environment[name] = value;
}

net::task<> Hooks::run(Hook hook, std::string name) { return state_->run(std::move(hook), std::move(name)); }

void Hooks::start_periodic(const std::vector<PeriodicHook>& hooks) {
  ++state_->generation;
  state_->changed.notify();
  for (const PeriodicHook& hook : hooks)
    net::spawn(state_->executor, "periodic hook", State::repeat(state_, hook, state_->generation));
}

void Hooks::kill_running() {
  for (pid_t pid : state_->running) ProcessTree(pid).signal(SIGKILL);
}

}  // namespace osb::execd
