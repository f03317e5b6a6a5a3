// Runs the hooks of a lifecycle. A hook gets the environment and directory of commands, prints where the
// daemon prints, and is killed with all that it started when its time is over.
#pragma once

#include <memory>

#include "execd/command/command_request.h"
#include "execd/lifecycle.h"
#include "execd/reaper.h"
#include "net/task.h"

namespace osb::execd {

constexpr const char* kHookFailed = "HOOK_FAILED";

class Hooks {
 public:
  // `reaper` outlives us.
  Hooks(net::asio::any_io_executor executor, Reaper& reaper, CommandDefaults defaults);
  ~Hooks();  // ends the periodic ones and kills what runs
  Hooks(const Hooks&) = delete;

  // Later hooks see these variables too.
  void add_environment(const Environment& more);
  // Returns when it has ended with 0. Throws Error: what start_child() throws, timeout, or internal with its
  // end and the code kHookFailed.
  net::task<> run(Hook hook, std::string name);
  // Starts the periodic hooks; those that were started before end. A hook waits for its next turn only when
  // its last run is over.
  void start_periodic(const std::vector<PeriodicHook>& hooks);
  // Kills what runs now; run() throws then.
  void kill_running();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace osb::execd
