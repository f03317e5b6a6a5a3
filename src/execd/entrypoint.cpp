#include "execd/entrypoint.h"

#include <signal.h>
#include <unistd.h>

#include <utility>

#include "net/timer.h"

namespace osb::execd {
namespace {

constexpr std::chrono::milliseconds kKillTime{5000};

std::string shell_of(const Environment& environment) {
  auto named = environment.find("BOOTSTRAP_SHELL");
  return named != environment.end() && !named->second.empty() ? named->second : find_shell(environment);
}

std::string joined(const std::vector<std::string>& words, size_t from) {
  std::string out;
  for (size_t i = from; i < words.size(); ++i) out += (i > from ? " " : "") + words[i];
  return out;
}

// A shell in the background of its terminal would be stopped as soon as it reads.
void give_terminal_to(pid_t group) {
  if (!::isatty(0)) return;
  sigset_t output, before;
  ::sigemptyset(&output);
  ::sigaddset(&output, SIGTTOU);
  ::sigprocmask(SIG_BLOCK, &output, &before);
  ::tcsetpgrp(0, group);
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
}

}  // namespace

std::vector<std::string> entrypoint_command(const std::vector<std::string>& given,
                                            const Environment& environment) {
  auto text = environment.find("BOOTSTRAP_CMD");
  if (text != environment.end() && !text->second.empty()) return {shell_of(environment), "-c", text->second};
  if (given.empty()) return {shell_of(environment)};
  if (given[0] == "-c") return {shell_of(environment), "-c", joined(given, 1)};
  return given;
}

struct Entrypoint::State : std::enable_shared_from_this<State> {
  State(net::asio::any_io_executor executor, Reaper& r) : reaper(r), ended(executor) {}

  void start();

  Reaper& reaper;
  net::Event ended;
  std::vector<std::string> command;
  CommandDefaults defaults;
  std::function<void(int)> on_end;
  pid_t pid = 0;  // 0: it does not run
  bool restarting = false;
};

void Entrypoint::State::start() {
  sys::ChildSpec spec;
  spec.program = command.front();
  spec.argv = command;
  spec.env = to_strings(command_environment(defaults.environment, {}));
  spec.cwd = defaults.cwd;
  spec.fds = {{0, 0}, {1, 1}, {2, 2}};
  spec.oom_score_adj = defaults.oom_score_adj;
  spec.open_files = defaults.open_files;
  auto self = shared_from_this();
  pid = reaper
            .start(spec,
                   [self](sys::ExitStatus status) {
                     self->pid = 0;
                     self->ended.notify();
                     if (!self->restarting && self->on_end)
                       self->on_end(status.signal != 0 ? 128 + status.signal : status.code);
                   })
            .pid;
  give_terminal_to(pid);
}

Entrypoint::Entrypoint(net::asio::any_io_executor executor, Reaper& reaper, std::vector<std::string> command,
                       CommandDefaults defaults, std::function<void(int code)> on_end)
    : state_(std::make_shared<State>(std::move(executor), reaper)) {
  state_->command = std::move(command);
  state_->defaults = std::move(defaults);
  state_->on_end = std::move(on_end);
}

Entrypoint::~Entrypoint() { state_->on_end = nullptr; }

void Entrypoint::start() { state_->start(); }

void Entrypoint::add_environment(const Environment& more) {
  for (const auto& [name, value] : more) state_->defaults.environment[name] = value;
}

// Until it is reaped the pid is its own.
void Entrypoint::forward(int signal) const {
  if (state_->pid > 0) ::kill(state_->pid, signal);
}

net::task<> Entrypoint::restart(std::chrono::milliseconds patience) {
  auto state = state_;
  state->restarting = true;
  forward(SIGTERM);
  for (auto limit : {patience, kKillTime}) {
    if (state->pid > 0) co_await state->ended.wait_for(limit);
    if (state->pid > 0) ::kill(-state->pid, SIGKILL);
  }
  state->restarting = false;
  if (state->pid > 0) throw Error(ErrorCode::timeout, "restarting the entrypoint: it does not end");
  state->start();
}

int exit_code_of(const Error& error) { return error.code() == ErrorCode::not_found ? 127 : 126; }

}  // namespace osb::execd
