// One warm Python process and the contexts forked from it. It is started with the interpreter of the sandbox,
// runs the worker that is embedded in execd, and is the parent that reaps its contexts.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "execd/code/worker_channel.h"
#include "execd/code/worker_kernel.h"
#include "execd/reaper.h"
#include "net/task.h"
#include "net/timer.h"

namespace osb::execd {

// The modules of kernels/python: NUL, name, line feed, text, for each.
extern const std::string_view kPythonWorker;

class PythonZygote : public std::enable_shared_from_this<PythonZygote> {
 public:
  struct Options {
    std::string program;  // a name in the PATH of `env`, or a path
    std::vector<std::string> env;
    WorkerLimits limits;
    bool eager = false;                // it gets everything ready before the first context is asked for
    std::vector<std::string> preload;  // modules that all its contexts have; it ends when one is missing
  };

  // Throws Error(not_found) when there is no such program.
  static std::shared_ptr<PythonZygote> start(net::asio::any_io_executor executor, Reaper& reaper,
                                             Options options);
  ~PythonZygote();

  // Waits until it takes requests. Throws Error with what it wrote to stderr when it ends instead.
  net::task<> ready();
  bool alive() const { return !ended_; }
  const std::string& version() const { return version_; }

  // A new context in the directory `cwd`. Throws Error. If it does not answer in time (somebody stopped it),
  // it is ended, so that the next context gets another.
  net::task<std::shared_ptr<WorkerKernel>> fork(std::string cwd, std::string after_death);
  // Ends it at once. Contexts that were forked from it live on; they are ended through their kernels.
  void kill();

 private:
  struct Request {
    WorkerEnds ends;
    std::string after_death;
    std::shared_ptr<WorkerKernel> kernel;
    std::string failure;
  };

  PythonZygote(net::asio::any_io_executor executor, Fd channel, Fd errors,
               std::chrono::milliseconds start_time);
  static net::task<> read_messages(std::shared_ptr<PythonZygote> self);
  void handle(const WorkerMessage& message);
  void finish(std::string how);

  net::asio::any_io_executor executor_;
  WorkerChannel channel_;
  Fd errors_;  // its stderr until it is ready
  std::chrono::milliseconds start_time_;
  pid_t pid_ = -1;
  net::Event changed_;
  std::string version_;  // empty until it is ready
  std::optional<std::string> ended_;
  int64_t forks_ = 0;
  std::map<std::string, std::shared_ptr<Request>> requests_;  // by the name given in the message
  std::map<pid_t, std::weak_ptr<WorkerKernel>> contexts_;
};

}  // namespace osb::execd
