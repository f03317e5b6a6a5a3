// What a code context needs from whatever runs its code, and from what starts such a thing. One
// implementation speaks our own worker protocol (worker_kernel.h); real Jupyter kernels can be attached
// behind the same interface.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "execd/journal.h"
#include "net/task.h"

namespace osb::execd {

class Reaper;

// What one execution may use; 0: as much as it likes.
struct RunLimits {
  std::chrono::milliseconds time{0};  // then it is interrupted, and its process ended if that does not help
  uint64_t output_bytes = 0;          // of what it prints; the rest is left out
};

// The code of errors that say why a context cannot be copied now.
inline constexpr const char* kNotForkable = "CONTEXT_NOT_FORKABLE";

// Copies of a kernel with all that it holds in memory.
struct CopyRequest {
  size_t count = 1;
  bool fresh = false;  // with randomness of their own, as contexts of one sandbox have
  std::string after_death;
};

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
  virtual void execute(std::string code, std::shared_ptr<Journal> events, RunLimits limits = {}) = 0;
  // Asks the running execution to stop; state is kept. Nothing happens when none runs.
  virtual void interrupt() = 0;

  // Copies of it as it is now; must be alive. It is busy until this returns. Throws Error(conflict) with code
  // CONTEXT_NOT_FORKABLE and the reason when it cannot be copied. `reaper` gets the copies' ends.
  virtual net::task<std::vector<std::shared_ptr<Kernel>>> copy(Reaper& reaper, CopyRequest request);

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
  // The same with modules of the language loaded. Throws also Error(invalid) for modules that cannot be.
  virtual net::task<std::shared_ptr<Kernel>> launch_with(std::string cwd, std::string after_death,
                                                         std::vector<std::string> preload);
  // Prepares the first context, in the background; a failure is seen by launch().
  virtual void warm_up(std::string) {}
};

}  // namespace osb::execd
