// Which Python of the image runs contexts, and the warm processes that contexts are forked from: one that is
// plain, and a few with modules that contexts were asked for with. One that has died is started again when it
// is needed.
#pragma once

#include <list>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "execd/code/kernel.h"
#include "execd/code/python_zygote.h"
#include "execd/reaper.h"
#include "net/timer.h"

namespace osb::execd {

class PythonLauncher : public KernelLauncher {
 public:
  static constexpr size_t kMaxVariants = 4;  // zygotes with modules; the one used longest ago makes room
  static constexpr size_t kMaxModules = 16;

  // `eager`: the image is an interpreter; zygotes get everything ready before it is asked for.
  PythonLauncher(net::asio::any_io_executor executor, Reaper& reaper, std::vector<std::string> env,
                 WorkerLimits limits, bool eager = false);
  ~PythonLauncher() override;

  net::task<std::shared_ptr<Kernel>> launch(std::string cwd, std::string after_death) override;
  net::task<std::shared_ptr<Kernel>> launch_with(std::string cwd, std::string after_death,
                                                 std::vector<std::string> preload) override;
  void warm_up(std::string cwd) override;

 private:
  struct State;  // shared with coroutines: they may be destroyed after us, together with the loop
  std::shared_ptr<State> state_;
};

}  // namespace osb::execd
