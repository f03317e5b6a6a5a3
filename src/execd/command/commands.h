// All commands of the daemon: starts them, finds them by id, interrupts them, and forgets those that ended
// (after a day, or earlier when there are more than kKeptCommands of them, or their texts take too much
// memory or their logs too much disk).
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "execd/command/command.h"
#include "execd/executions.h"
#include "execd/retention.h"
#include "net/timer.h"

namespace osb::execd {

class Commands {
 public:
  static constexpr size_t kKeptCommands = 1000;
  static constexpr size_t kKeptTextBytes = 2 * 1024 * 1024;
  static constexpr uint64_t kKeptLogBytes = 512 * 1024 * 1024;  // at least eight full logs
  static constexpr std::chrono::hours kKeptTime{24};

  // Takes the reaper's on_reap(). `executions` outlives us.
  Commands(net::asio::any_io_executor executor, Reaper& reaper, Executions& executions,
           uint64_t kept_log_bytes = kKeptLogBytes, std::chrono::milliseconds kept_time = kKeptTime);
  ~Commands();
  Commands(const Commands&) = delete;

  // Starts it; the execution has the command's id, its journal all of its events.
  std::shared_ptr<Execution> start(CommandSpec spec);
  // Null for an id that is not known (any more).
  std::shared_ptr<Command> find(const std::string& id);

  // Other services whose executions DELETE /command ends too. True if the id was theirs.
  using Interrupter = std::function<net::task<bool>(std::string id)>;
  void add_interrupter(Interrupter interrupter) { interrupters_.push_back(std::move(interrupter)); }
  // Ends the execution of that id and returns when it is gone. Throws Error: not_found; conflict if it had
  // ended.
  net::task<> interrupt(std::string id);

 private:
  struct Ended {
    std::shared_ptr<Command> command;
    uint64_t log_bytes;  // when it ended
  };

  void ended(Command& command);
  void forget_old();
  std::optional<std::chrono::milliseconds> forget_due();

  net::asio::any_io_executor executor_;
  Reaper& reaper_;
  Executions& executions_;
  net::Event reaped_;
  std::map<std::string, std::shared_ptr<Command>> commands_;
  std::deque<Ended> ended_;  // oldest first
  size_t ended_text_ = 0;
  uint64_t ended_logs_ = 0;
  uint64_t kept_log_bytes_;
  std::chrono::milliseconds kept_time_;
  Retention retention_;
  std::vector<Interrupter> interrupters_;
  std::shared_ptr<int> alive_ = std::make_shared<int>();  // for callbacks of commands that outlive us
};

}  // namespace osb::execd
