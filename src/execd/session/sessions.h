// All bash sessions of the daemon, by id.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "execd/session/session.h"

namespace osb::execd {

class Sessions {
 public:
  static constexpr size_t kMaxSessions = 256;

  // `executions` outlives us.
  Sessions(net::asio::any_io_executor executor, Reaper& reaper, Executions& executions,
           CommandDefaults defaults);
  Sessions(const Sessions&) = delete;

  // `cwd`: with $NAME and ~ as in a command's; made when it is missing. Throws Error: invalid for an unusable
  // directory, exhausted when there are too many.
  std::shared_ptr<Session> create(const std::string& cwd);
  // Null when there is none.
  std::shared_ptr<Session> find(const std::string& id) const;
  // Begins a run, or lets it wait for its turn. `cwd` as above, but it must be there.
  std::shared_ptr<Execution> run(Session& session, SessionRun run);
  // Ends it and everything in it; false when there is none.
  net::task<bool> remove(std::string id);
  // A session is removed, a run is ended; false when the id is neither.
  net::task<bool> interrupt(std::string id);

 private:
  net::asio::any_io_executor executor_;
  Reaper& reaper_;
  Executions& executions_;
  CommandDefaults defaults_;
  std::map<std::string, std::shared_ptr<Session>> sessions_;
};

}  // namespace osb::execd
