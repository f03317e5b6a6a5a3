// Bash contexts. The shell and all that keeps its state from run to run are those of bash sessions
// (session/session.h): a context is a session whose runs do not wait for each other. Its shell may end, by
// `exit` or an interrupt; the context lives on in another one.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "execd/code/kernel.h"
#include "execd/command/command_request.h"
#include "execd/reaper.h"

namespace osb::execd {

class BashLauncher : public KernelLauncher {
 public:
  // `reaper` outlives the loop's work.
  BashLauncher(net::asio::any_io_executor executor, Reaper& reaper, std::vector<std::string> env,
               WorkerLimits limits);
  net::task<std::shared_ptr<Kernel>> launch(std::string cwd, std::string after_death) override;

 private:
  net::asio::any_io_executor executor_;
  Reaper& reaper_;
  std::shared_ptr<const CommandDefaults> defaults_;  // contexts may outlive us
};

}  // namespace osb::execd
