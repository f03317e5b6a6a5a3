// Contexts that are started processes, one program per context: every language but Python.
//
// A worker gets descriptor 0 = /dev/null, 1 and 2 = pipes that execd reads, 3 = pipe with messages for it,
// 4 = pipe for its messages, 5 and up = anonymous files with the texts of its program. It leads a session of
// its own and starts in the directory of the context.
//
// Once a language was used, one more process waits in the directory of the latest context, so that the next
// context is there at once. Nothing of a context reaches it: environment and files are execd's.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "execd/code/kernel.h"
#include "execd/reaper.h"

namespace osb::execd {

// How the worker of a language is started.
struct WorkerProgram {
  std::string program;                  // a name in the PATH of `env`, or a path
  std::vector<std::string> argv;        // argv[0] included
  std::vector<std::string> env;         // "NAME=value", complete; PWD is added
  std::vector<std::string_view> files;  // texts or bytes that become descriptors 5, 6, …; they stay alive
};

// What a language has to say.
class ProcessLanguage {
 public:
  virtual ~ProcessLanguage() = default;
  virtual std::string name() const = 0;  // as clients write it
  // Asked for each process; may look at the image and wait, and keeps what it found if that is worth it.
  // `env` is the environment of contexts. Throws Error(unsupported) when the image lacks the language or the
  // wanted version.
  virtual net::task<WorkerProgram> program(std::vector<std::string> env) = 0;
};

class ProcessLauncher : public KernelLauncher {
 public:
  static constexpr std::chrono::milliseconds kSpareTime{120'000};

  // `reaper` outlives the loop's work. `spare_time`: how long a process waits for a context.
  ProcessLauncher(net::asio::any_io_executor executor, Reaper& reaper,
                  std::unique_ptr<ProcessLanguage> language, std::vector<std::string> env,
                  WorkerLimits limits, std::chrono::milliseconds spare_time = kSpareTime);
  ~ProcessLauncher() override;

  net::task<std::shared_ptr<Kernel>> launch(std::string cwd, std::string after_death) override;
  // Starts the waiting process in the background, for a context in `cwd`. A failure is seen by launch().
  void warm_up(std::string cwd);

 private:
  struct State;  // shared with coroutines: they may end after us
  std::shared_ptr<State> state_;
};

}  // namespace osb::execd
