// Which Python of the image runs contexts: python<PYTHON_VERSION> when the environment names a version and
// the image has it, else python3, else python. The zygote is started with the first context and again when it
// has died.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "execd/code/kernel.h"
#include "execd/code/python_zygote.h"
#include "execd/reaper.h"
#include "net/timer.h"

namespace osb::execd {

// Program names to try, best first.
std::vector<std::string> python_candidates(const std::vector<std::string>& env);

class PythonLauncher : public KernelLauncher {
 public:
  PythonLauncher(net::asio::any_io_executor executor, Reaper& reaper, std::vector<std::string> env,
                 WorkerLimits limits);
  ~PythonLauncher() override;

  net::task<std::shared_ptr<Kernel>> launch(std::string cwd, std::string after_death) override;

 private:
  // The running zygote, started if need be. Throws Error(unsupported) when no candidate works.
  net::task<std::shared_ptr<PythonZygote>> zygote();

  net::asio::any_io_executor executor_;
  Reaper& reaper_;
  std::vector<std::string> env_;
  WorkerLimits limits_;
  std::shared_ptr<PythonZygote> zygote_;
  // Shared with the requests that wait: they may be destroyed after us, together with the loop.
  struct Start {
    explicit Start(net::asio::any_io_executor executor) : ended(std::move(executor)) {}
    bool under_way = false;
    net::Event ended;
  };
  std::shared_ptr<Start> start_;
};

}  // namespace osb::execd
