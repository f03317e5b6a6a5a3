#include "execd/session/sessions.h"

#include <filesystem>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/ids.h"
#include "execd/files/failure.h"
#include "execd/request_body.h"

namespace osb::execd {
namespace {

constexpr std::chrono::milliseconds kPatience{3000};

void make_directory(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) throw directory_error(path, error.value());
}

}  // namespace

Sessions::Sessions(net::asio::any_io_executor executor, Reaper& reaper, Executions& executions,
                   CommandDefaults defaults)
    : executor_(executor), reaper_(reaper), executions_(executions), defaults_(std::move(defaults)) {}

std::shared_ptr<Session> Sessions::create(const std::string& cwd) {
  if (sessions_.size() >= kMaxSessions)
    throw Error(ErrorCode::exhausted,
                "creating a session: there are " + std::to_string(kMaxSessions) + " already");
  Environment environment = command_environment(defaults_.environment, {});
  std::string path = requested_directory(cwd, defaults_.cwd, environment);
  make_directory(path);
  auto session = std::make_shared<Session>(executor_, reaper_, defaults_, new_uuid(),
                                           resolve_directory(path, defaults_.cwd, environment));
  session->open();
  sessions_[session->id()] = session;
  return session;
}

std::shared_ptr<Session> Sessions::find(const std::string& id) const {
  auto found = sessions_.find(id);
  return found == sessions_.end() ? nullptr : found->second;
}

std::shared_ptr<Execution> Sessions::run(Session& session, SessionRun run) {
  if (!run.cwd.empty())
    run.cwd = resolve_directory(run.cwd, session.cwd(), command_environment(defaults_.environment, {}));
  session.check_room();
  run.execution = executions_.begin(new_hex_id(), "run_in_session");
  auto execution = run.execution;
  session.run(std::move(run));
  return execution;
}

net::task<bool> Sessions::remove(std::string id) {
  auto session = sessions_.extract(id);
  if (!session) co_return false;
  co_await session.mapped()->close();
  co_return true;
}

net::task<bool> Sessions::interrupt(std::string id) {
  if (co_await remove(id)) co_return true;
  std::vector<std::shared_ptr<Session>> all;
  for (const auto& [other, session] : sessions_) all.push_back(session);
  for (const auto& session : all)
    if (co_await session->interrupt(id, kPatience)) co_return true;
  co_return false;
}

}  // namespace osb::execd
