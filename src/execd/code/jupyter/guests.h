// The languages that this image's Jupyter kernels add to those with a worker of ours. A language is called as
// in its kernelspec, in lower case ("r", "julia"), or as the kernelspec itself ("ir", "julia-1.10").
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "execd/code/jupyter/jupyter_launcher.h"
#include "execd/code/kernel.h"
#include "execd/reaper.h"

namespace osb::execd {

class JupyterGuests {
 public:
  // `env`: of contexts, "NAME=value". `reaper` outlives the loop's work.
  JupyterGuests(net::asio::any_io_executor executor, Reaper& reaper, const std::vector<std::string>& env,
                WorkerLimits limits);

  // nullptr when no kernelspec is called so. Looks at the image again and again: kernels may be installed.
  // Valid until the next call; a launch under way goes on unless the kernelspec has gone.
  KernelLauncher* launcher(const std::string& language);
  // All names there are, sorted.
  std::vector<std::string> languages() const;

 private:
  void look();
  const Kernelspec* find(std::string_view language) const;

  net::asio::any_io_executor executor_;
  Reaper& reaper_;
  Environment env_;
  WorkerLimits limits_;
  std::vector<Kernelspec> specs_;
  std::chrono::steady_clock::time_point looked_;
  std::map<std::string, std::unique_ptr<JupyterLauncher>> launchers_;  // by the name of the kernelspec
};

}  // namespace osb::execd
