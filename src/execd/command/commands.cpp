#include "execd/command/commands.h"

#include <utility>

#include "base/error.h"

namespace osb::execd {
namespace {
constexpr std::chrono::milliseconds kPatience{3000};
}

Commands::Commands(net::asio::any_io_executor executor, Reaper& reaper, Executions& executions,
                   uint64_t kept_log_bytes, std::chrono::milliseconds kept_time)
    : executor_(executor),
      reaper_(reaper),
      executions_(executions),
      reaped_(executor),
      kept_log_bytes_(kept_log_bytes),
      kept_time_(kept_time),
      retention_(executor, kept_time, [this] { return forget_due(); }) {
  reaper_.on_reap([this] { reaped_.notify(); });
}

Commands::~Commands() { reaper_.on_reap(nullptr); }

std::shared_ptr<Execution> Commands::start(CommandSpec spec) {
  forget_old();
  // The events of a background command end at once and say nothing about how long it runs.
  const char* operation = spec.background ? "" : "run_command";
  auto command = std::make_shared<Command>(executor_, reaper_, std::move(spec));
  commands_[command->id()] = command;
  auto execution = executions_.begin(command->id(), operation);
  command->start(execution->journal, [this, alive = std::weak_ptr(alive_)](Command& c) {
    if (!alive.expired()) ended(c);
  });
  return execution;
}

std::shared_ptr<Command> Commands::find(const std::string& id) {
  forget_old();
  auto found = commands_.find(id);
  return found == commands_.end() ? nullptr : found->second;
}

net::task<> Commands::interrupt(std::string id) {
  std::shared_ptr<Command> command = find(id);
  if (!command) {
    for (const Interrupter& interrupter : interrupters_)
      if (co_await interrupter(id)) co_return;
    if (!executions_.find(id))
      throw Error(ErrorCode::not_found, "interrupting " + id + ": no such command or context",
                  "COMMAND_NOT_FOUND");
  }
  if (!command || !command->running())
    throw Error(ErrorCode::conflict, "interrupting " + id + ": it is not running", "RUNTIME_ERROR");
  co_await command->interrupt(reaped_, kPatience);
}

void Commands::ended(Command& command) {
  uint64_t log_bytes = command.log() ? command.log()->size() : 0;
  ended_text_ += command.content().size();
  ended_logs_ += log_bytes;
  ended_.push_back({command.shared_from_this(), log_bytes});
  forget_old();
  retention_.begin();
}

std::optional<std::chrono::milliseconds> Commands::forget_due() {
  forget_old();
  if (ended_.empty()) return std::nullopt;
  return std::chrono::ceil<std::chrono::milliseconds>(*ended_.front().command->finished_at() + kept_time_ -
                                                      now());
}

void Commands::forget_old() {
  while (!ended_.empty()) {
    const Command& oldest = *ended_.front().command;
    if (ended_.size() <= kKeptCommands && ended_text_ <= kKeptTextBytes && ended_logs_ <= kept_log_bytes_ &&
        now() - *oldest.finished_at() < kept_time_)
      return;
    ended_text_ -= oldest.content().size();
    ended_logs_ -= ended_.front().log_bytes;
    commands_.erase(oldest.id());
    ended_.pop_front();
  }
}

}  // namespace osb::execd
