#include "wire/isolation.h"

#include <opensandbox/isolation.h>

#include <charconv>

#include "calls/run.h"
#include "wire/text.h"

namespace opensandbox {

using namespace detail;

namespace {

Call run_call(const std::string& id, const std::string& code, const IsolatedRunOptions& options) {
  return stream_call(isolated_path(id) + "/run", isolated_run_body(code, options),
                     "run in isolated session " + id);
}

Call get_call(const std::string& id) {
  return json_call("GET", isolated_path(id), "get isolated session " + id);
}

std::string run_path(const std::string& session_id, const std::string& run_id) {
  return isolated_path(session_id) + "/runs/" + segment(not_blank(run_id, "run id"));
}

// Where the next call goes on: what the daemon says, else behind what has come.
int64_t next_cursor(const Reply& reply, int64_t cursor) {
  std::string_view said = reply.headers.get("EXECD-ISOLATED-TAIL-CURSOR");
  int64_t number = 0;
  auto [end, bad] = std::from_chars(said.data(), said.data() + said.size(), number);
  return said.empty() || bad != std::errc() ? cursor + static_cast<int64_t>(reply.body.size()) : number;
}

}  // namespace

IsolatedInfo IsolatedSession::get(std::stop_token stop) const {
  Call call = get_call(id());
  return read_isolated(link_->call_execd(call, stop), call.doing, id());
}

Execution IsolatedSession::run(const std::string& code, const IsolatedRunOptions& options,
                               const Handlers& handlers, std::stop_token stop) const {
  return Run(*link_, Collector::Kind::command, handlers, std::move(stop))
      .follow(run_call(id(), code, options));
}

IsolatedRun IsolatedSession::run_background(const std::string& code, const IsolatedRunOptions& options,
                                            std::stop_token stop) const {
  if (options.timeout)
    throw Error(ErrorCode::invalid_argument,
                "run in isolated session " + id() + ": background runs have no time limit");
  Value body = isolated_run_body(code, options);
  body.get_object()["background"] = true;
  Call call = json_call("POST", isolated_path(id()) + "/run", "run in isolated session " + id(), body);
  return read_isolated_run(link_->call_execd(call, stop), call.doing);
}

IsolatedRunStatus IsolatedSession::run_status(const std::string& run_id, std::stop_token stop) const {
  Call call = json_call("GET", run_path(id(), run_id), "get the status of run " + run_id);
  return read_isolated_run_status(read_object(link_->call_execd(call, stop), call.doing));
}

IsolatedLogs IsolatedSession::run_logs(const std::string& run_id, int64_t cursor,
                                       std::stop_token stop) const {
  QueryPairs pairs;
  if (cursor > 0) pairs.emplace_back("cursor", std::to_string(cursor));
  Call call =
      json_call("GET", run_path(id(), run_id) + "/logs" + query(pairs), "get the output of run " + run_id);
  call.headers.set("Accept", "text/plain");
  Reply reply = link_->call_execd(call, stop);
  int64_t next = next_cursor(reply, cursor);
  return {std::move(reply.body), next};
}

Files IsolatedSession::files() const { return Files(link_, isolated_files_prefix(id())); }

void IsolatedSession::remove(std::stop_token stop) const {
  link_->call_execd(json_call("DELETE", isolated_path(id()), "end isolated session " + id()), stop);
}

IsolatedCapabilities Isolation::capabilities(std::stop_token stop) const {
  Call call = json_call("GET", std::string(kIsolated) + "/capabilities", "ask for isolated sessions");
  return read_isolated_capabilities(read_object(link_->call_execd(call, stop), call.doing));
}

IsolatedSession Isolation::create(const IsolatedOptions& options, std::stop_token stop) const {
  Call call = json_call("POST", std::string(kIsolated) + "/session", "make an isolated session",
                        isolated_body(options));
  return {link_, read_isolated(link_->call_execd(call, stop), call.doing)};
}

IsolatedSession Isolation::attach(const std::string& session_id, std::stop_token stop) const {
  Call call = get_call(session_id);
  return {link_, read_isolated(link_->call_execd(call, stop), call.doing, session_id)};
}

std::vector<IsolatedInfo> Isolation::list(std::stop_token stop) const {
  Call call = json_call("GET", std::string(kIsolated) + "/sessions", "list isolated sessions");
  return read_isolated_list(link_->call_execd(call, stop), call.doing);
}

Execution Isolation::run_once(const std::string& code, const IsolatedOptions& options,
                              const IsolatedRunOptions& run_options, const Handlers& handlers,
                              std::stop_token stop) const {
  not_blank(code, "code");
  IsolatedSession session = create(options, stop);
  auto end = [&]() noexcept {  // it has ended already, or ends by itself
    try {
      session.remove();
    } catch (...) {}
  };
  try {
    Execution run = session.run(code, run_options, handlers, std::move(stop));
    end();
    return run;
  } catch (...) {
    end();
    throw;
  }
}

}  // namespace opensandbox
