#include "execd/code/python_launcher.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/defer.h"
#include "base/error.h"
#include "base/log.h"

namespace osb::execd {
namespace {

constexpr std::string_view kVersionVariable = "PYTHON_VERSION=";

// "3.11.7" → "3.11", "3" → "3"; empty for what is no version.
std::string major_minor(std::string_view version) {
  constexpr std::string_view kDigits = "0123456789";
  size_t dot = std::min(version.find_first_not_of(kDigits), version.size());
  if (dot == 0 || (dot < version.size() && version[dot] != '.')) return {};
  if (dot == version.size()) return std::string(version);
  size_t end = std::min(version.find_first_not_of(kDigits, dot + 1), version.size());
  if (end < version.size() && version[end] != '.') return {};
  return std::string(version.substr(0, end == dot + 1 ? dot : end));
}

}  // namespace

std::vector<std::string> python_candidates(const std::vector<std::string>& env) {
  std::vector<std::string> names;
  for (const std::string& entry : env) {
    if (!entry.starts_with(kVersionVariable)) continue;
    std::string version = major_minor(std::string_view(entry).substr(kVersionVariable.size()));
    if (!version.empty()) names = {"python" + version};
  }
  for (const char* name : {"python3", "python"})
    if (std::find(names.begin(), names.end(), name) == names.end()) names.emplace_back(name);
  return names;
}

PythonLauncher::PythonLauncher(net::asio::any_io_executor executor, Reaper& reaper,
                               std::vector<std::string> env, WorkerLimits limits)
    : executor_(executor),
      reaper_(reaper),
      env_(std::move(env)),
      limits_(limits),
      start_(std::make_shared<Start>(executor)) {}

PythonLauncher::~PythonLauncher() {
  if (zygote_) zygote_->kill();
}

net::task<std::shared_ptr<Kernel>> PythonLauncher::launch(std::string cwd, std::string after_death) {
  std::shared_ptr<PythonZygote> parent = co_await zygote();
  co_return co_await parent->fork(std::move(cwd), std::move(after_death));
}

net::task<std::shared_ptr<PythonZygote>> PythonLauncher::zygote() {
  while (start_->under_way) co_await start_->ended.wait();
  if (zygote_ && zygote_->alive()) co_return zygote_;
  start_->under_way = true;
  Defer done([start = start_] {
    start->under_way = false;
    start->ended.notify();
  });
  std::string tried;
  for (const std::string& name : python_candidates(env_)) {
    std::string failure;
    try {
      auto zygote = PythonZygote::start(executor_, reaper_, name, env_, limits_);
      co_await zygote->ready();
      log_info("python started", {{"program", name}, {"version", zygote->version()}});
      if (!tried.empty()) log_warn("another python than the wanted one is used", {{"tried", tried}});
      zygote_ = zygote;
      co_return zygote;
    } catch (const Error& error) {
      failure = error.message();
    }
    tried += (tried.empty() ? "" : "; ") + name + ": " + failure;
  }
  throw Error(ErrorCode::unsupported, "language python is not available in this image (" + tried + ")");
}

}  // namespace osb::execd
