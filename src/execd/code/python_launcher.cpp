#include "execd/code/python_launcher.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

#include "base/defer.h"
#include "base/error.h"
#include "base/log.h"
#include "execd/code/python_versions.h"

namespace osb::execd {
namespace {

constexpr std::string_view kHost = "OPENSANDBOX_IMAGE_KIND=host";

bool is_identifier(std::string_view text) {
  auto letter = [](char c) { return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  auto digit = [](char c) { return c >= '0' && c <= '9'; };
  return !text.empty() && letter(text.front()) &&
         std::all_of(text.begin(), text.end(), [&](char c) { return letter(c) || digit(c); });
}

bool is_module(std::string_view name) {
  size_t dot = name.find('.');
  if (dot == std::string_view::npos) return is_identifier(name);
  return is_identifier(name.substr(0, dot)) && is_module(name.substr(dot + 1));
}

std::vector<std::string> checked(std::vector<std::string> preload) {
  std::sort(preload.begin(), preload.end());
  preload.erase(std::unique(preload.begin(), preload.end()), preload.end());
  if (preload.size() > PythonLauncher::kMaxModules)
    throw Error(ErrorCode::invalid,
                "preload: more than " + std::to_string(PythonLauncher::kMaxModules) + " modules");
  for (const std::string& name : preload)
    if (!is_module(name)) throw Error(ErrorCode::invalid, "preload: no name of a module: " + name);
  return preload;
}

std::string join(const std::set<std::string>& texts) {
  std::string out;
  for (const std::string& text : texts) out += (out.empty() ? "" : ", ") + text;
  return out;
}

}  // namespace

struct PythonLauncher::State {
  State(net::asio::any_io_executor loop, Reaper& reaper_given)
      : executor(loop), reaper(reaper_given), started(loop) {}

  using Modules = std::vector<std::string>;
  static net::task<std::shared_ptr<PythonZygote>> zygote(std::shared_ptr<State> self, Modules preload);
  static net::task<std::shared_ptr<PythonZygote>> start(std::shared_ptr<State> self, Modules preload);
  static net::task<std::shared_ptr<PythonZygote>> start_any(std::shared_ptr<State> self);
  static net::task<> warm_up(std::shared_ptr<State> self);
  net::task<std::shared_ptr<PythonZygote>> run(std::string with, Modules preload);
  void keep(Modules preload, std::shared_ptr<PythonZygote> zygote);

  net::asio::any_io_executor executor;
  Reaper& reaper;
  std::vector<std::string> env;
  WorkerLimits limits;
  bool eager = false;
  bool closed = false;
  std::string program;                                                   // that was found to work
  std::list<std::pair<Modules, std::shared_ptr<PythonZygote>>> zygotes;  // used latest first
  std::set<Modules> starting;
  net::Event started;
};

PythonLauncher::PythonLauncher(net::asio::any_io_executor executor, Reaper& reaper,
                               std::vector<std::string> env, WorkerLimits limits, bool eager)
    : state_(std::make_shared<State>(executor, reaper)) {
  state_->env = std::move(env);
  state_->limits = limits;
  state_->eager = eager;
}

PythonLauncher::~PythonLauncher() {
  state_->closed = true;
  for (auto& [modules, zygote] : state_->zygotes) zygote->kill();
}

net::task<std::shared_ptr<Kernel>> PythonLauncher::launch(std::string cwd, std::string after_death) {
  return launch_with(std::move(cwd), std::move(after_death), {});
}

net::task<std::shared_ptr<Kernel>> PythonLauncher::launch_with(std::string cwd, std::string after_death,
                                                               std::vector<std::string> preload) {
  auto state = state_;
  preload = checked(std::move(preload));
  std::shared_ptr<PythonZygote> parent = co_await State::zygote(state, preload);
  try {
    co_return co_await parent->fork(cwd, after_death);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::unavailable || parent->alive()) throw;
  }
  // It had just been killed. Nothing of the context has run, so another one can have it.
  parent = co_await State::zygote(state, std::move(preload));
  co_return co_await parent->fork(std::move(cwd), std::move(after_death));
}

void PythonLauncher::warm_up(std::string) { net::spawn(state_->executor, "python", State::warm_up(state_)); }

net::task<> PythonLauncher::State::warm_up(std::shared_ptr<State> self) {
  try {
    co_await zygote(self, {});
  } catch (const Error& error) {
    log_warn("no python waits", {{"error", error.message()}});
  }
}

net::task<std::shared_ptr<PythonZygote>> PythonLauncher::State::zygote(std::shared_ptr<State> self,
                                                                       Modules preload) {
  while (self->starting.contains(preload)) co_await self->started.wait();
  if (self->closed) throw Error(ErrorCode::unavailable, "starting a context: the sandbox ends");
  for (auto at = self->zygotes.begin(); at != self->zygotes.end(); ++at) {
    if (at->first != preload || !at->second->alive()) continue;
    self->zygotes.splice(self->zygotes.begin(), self->zygotes, at);
    co_return self->zygotes.front().second;
  }
  self->starting.insert(preload);
  Defer done([self, preload] {
    self->starting.erase(preload);
    self->started.notify();
  });
  auto zygote = co_await start(self, preload);
  self->keep(std::move(preload), zygote);
  co_return zygote;
}

// Contexts of a zygote that goes live on.
void PythonLauncher::State::keep(Modules preload, std::shared_ptr<PythonZygote> zygote) {
  if (closed) zygote->kill();
  zygotes.remove_if([&](const auto& entry) { return entry.first == preload || !entry.second->alive(); });
  zygotes.emplace_front(std::move(preload), std::move(zygote));
  size_t variants = 0;
  for (auto at = zygotes.begin(); at != zygotes.end();) {
    if (!at->first.empty() && ++variants > kMaxVariants) {
      at->second->kill();
      at = zygotes.erase(at);
    } else {
      ++at;
    }
  }
}

net::task<std::shared_ptr<PythonZygote>> PythonLauncher::State::run(std::string with, Modules preload) {
  PythonZygote::Options options{std::move(with), env, limits, eager, std::move(preload)};
  auto zygote = PythonZygote::start(executor, reaper, std::move(options));
  co_await zygote->ready();
  co_return zygote;
}

net::task<std::shared_ptr<PythonZygote>> PythonLauncher::State::start(std::shared_ptr<State> self,
                                                                      Modules preload) {
  if (preload.empty()) co_return co_await start_any(self);
  if (self->program.empty()) co_await zygote(self, {});  // finds the program
  try {
    co_return co_await self->run(self->program, preload);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::unavailable) throw;
    throw Error(ErrorCode::invalid, "preloading modules: " + error.message());
  }
}

// Each candidate is asked what it is by starting it.
net::task<std::shared_ptr<PythonZygote>> PythonLauncher::State::start_any(std::shared_ptr<State> self) {
  const std::string wanted = wanted_python(self->env);
  const bool may_differ = std::find(self->env.begin(), self->env.end(), kHost) != self->env.end();
  std::string failures;
  std::shared_ptr<PythonZygote> other;
  std::string other_program;
  std::set<std::string> there;
  for (const std::string& name : python_candidates(self->env)) {
    try {
      auto zygote = co_await self->run(name, {});
      if (is_wanted(zygote->version(), wanted)) {
        log_info("python started", {{"program", name}, {"version", zygote->version()}});
        self->program = name;
        if (other) other->kill();
        co_return zygote;
      }
      there.insert(zygote->version());
      if (may_differ && !other) {
        other = zygote;
        other_program = name;
      } else {
        zygote->kill();
      }
    } catch (const Error& error) {
      failures += (failures.empty() ? "" : "; ") + name + ": " + error.message();
    }
  }
  if (other) {
    log_warn("another python than the wanted one is used",
             {{"wanted", wanted}, {"version", other->version()}, {"program", other_program}});
    self->program = other_program;
    co_return other;
  }
  if (there.empty())
    throw Error(ErrorCode::unsupported, "language python is not available in this image (" + failures + ")");
  throw Error(ErrorCode::unsupported, "PYTHON_VERSION=" + wanted + " is not in this image; it has " +
                                          join(there) + (failures.empty() ? "" : " (" + failures + ")"));
}

}  // namespace osb::execd
