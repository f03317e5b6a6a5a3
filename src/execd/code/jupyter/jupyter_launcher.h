// Starts kernels of one kernelspec. Their sockets are in a private directory; a kernel that can only TCP gets
// ports of the loopback instead, from its second start on at once.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "execd/code/jupyter/kernelspecs.h"
#include "execd/code/kernel.h"
#include "execd/environment.h"
#include "execd/reaper.h"

namespace osb::execd {

class JupyterLauncher : public KernelLauncher {
 public:
  // `env`: of contexts, complete. `reaper` outlives the loop's work.
  JupyterLauncher(net::asio::any_io_executor executor, Reaper& reaper, Kernelspec spec, Environment env,
                  WorkerLimits limits);
  ~JupyterLauncher() override;  // a launch that is under way fails

  const Kernelspec& spec() const;
  net::task<std::shared_ptr<Kernel>> launch(std::string cwd, std::string after_death) override;

 private:
  struct State;  // shared with coroutines: they may end after us
  std::shared_ptr<State> state_;
};

}  // namespace osb::execd
