// What a code context needs from whatever runs its code, and from what starts such a thing. One
// implementation speaks our own worker protocol (worker_kernel.h); real Jupyter kernels can be attached
// behind the same interface.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "execd/journal.h"
#include "net/task.h"

namespace osb::execd {

// Runs code, one execution at a time, keeping state between them. Used from one loop.
class Kernel {
 public:
  virtual ~Kernel() = default;

  // How it ended ("signal: killed"); nullopt while it lives.
  virtual std::optional<std::string> ended() const = 0;
  virtual bool busy() const = 0;

  // Starts one execution; must be alive and not busy. Everything from the first output to the one terminal
  // event (error or execution_complete) is recorded in `events`, which is closed then, also when the kernel
  // dies.
  virtual void execute(std::string code, std::shared_ptr<Journal> events) = 0;
  // Asks the running execution to stop; state is kept. Nothing happens when none runs.
  virtual void interrupt() = 0;

  // Ends it: in good order when idle, else at once. Returns when it is gone (after seconds at most).
  virtual net::task<> end() = 0;
  // Ends it without waiting, for destructors.
  virtual void kill() = 0;
};

// What processes that run code of users get from the daemon.
struct WorkerLimits {
  int oom_score_adj = 500;  // they die of a memory bomb, the daemon does not
  uint64_t open_files = 0;  // soft limit; 0: the daemon's
  // For an interpreter to start, and for a context to be forked from it. One that takes longer is ended.
  std::chrono::milliseconds start_time{30'000};
};

// Starts kernels of one language.
class KernelLauncher {
 public:
  virtual ~KernelLauncher() = default;
  // `cwd` exists. `after_death` tells the client what to do when the kernel dies ("create a new context").
  // Throws Error: unsupported when the image lacks the language, timeout, unavailable.
  virtual net::task<std::shared_ptr<Kernel>> launch(std::string cwd, std::string after_death) = 0;
};

}  // namespace osb::execd
