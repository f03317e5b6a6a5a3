#include "execd/code/jupyter/guests.h"

#include <algorithm>
#include <set>
#include <utility>

namespace osb::execd {
namespace {

// Default contexts ask before every run.
constexpr std::chrono::seconds kFreshTime{2};

}  // namespace

JupyterGuests::JupyterGuests(net::asio::any_io_executor executor, Reaper& reaper,
                             const std::vector<std::string>& env, WorkerLimits limits)
    : executor_(executor), reaper_(reaper), env_(from_strings(env)), limits_(limits) {}

void JupyterGuests::look() {
  specs_ = find_kernelspecs(env_);
  looked_ = std::chrono::steady_clock::now();
  std::erase_if(launchers_, [&](const auto& entry) {
    return std::find(specs_.begin(), specs_.end(), entry.second->spec()) == specs_.end();
  });
}

const Kernelspec* JupyterGuests::find(std::string_view language) const {
  for (const Kernelspec& spec : specs_)
    if (spec.language == language) return &spec;
  for (const Kernelspec& spec : specs_)
    if (spec.name == language) return &spec;
  return nullptr;
}

KernelLauncher* JupyterGuests::launcher(const std::string& language) {
  bool fresh = std::chrono::steady_clock::now() - looked_ < kFreshTime;
  if (!fresh || !find(language)) look();
  const Kernelspec* spec = find(language);
  if (!spec) return nullptr;
  std::unique_ptr<JupyterLauncher>& launcher = launchers_[spec->name];
  if (!launcher) launcher = std::make_unique<JupyterLauncher>(executor_, reaper_, *spec, env_, limits_);
  return launcher.get();
}

std::vector<std::string> JupyterGuests::languages() const {
  std::set<std::string> names;
  for (const Kernelspec& spec : find_kernelspecs(env_)) {
    names.insert(spec.language);
    names.insert(spec.name);
  }
  return {names.begin(), names.end()};
}

}  // namespace osb::execd
