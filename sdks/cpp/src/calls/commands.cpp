#include <opensandbox/commands.h>

#include <cctype>
#include <charconv>

#include "calls/run.h"
#include "wire/answer_error.h"
#include "wire/json.h"
#include "wire/text.h"

namespace opensandbox {

using namespace detail;

namespace {

Execution run_command(Link& link, Object body, const RunOptions& options, const Handlers& handlers,
                      std::stop_token stop) {
  if (options.gid && !options.uid) throw Error(ErrorCode::invalid_argument, "run a command: gid needs uid");
  if (options.timeout && *options.timeout < Milliseconds(0))
    throw Error(ErrorCode::invalid_argument, "run a command: timeout must not be negative");
  if (!options.working_directory.empty()) body["cwd"] = options.working_directory;
  if (options.timeout) body["timeout"] = options.timeout->count();
  if (options.uid) body["uid"] = *options.uid;
  if (options.gid) body["gid"] = *options.gid;
  if (!options.env.empty()) body["envs"] = to_json(options.env);
  if (options.background) body["background"] = true;
  auto kind = options.background ? Collector::Kind::background : Collector::Kind::command;
  return Run(link, kind, handlers, std::move(stop)).follow(stream_call("/command", body, "run a command"));
}

bool is_variable_name(const std::string& name) {
  if (name.empty() || isdigit(static_cast<unsigned char>(name[0]))) return false;
  for (unsigned char c : name)
    if (!(isalnum(c) || c == '_') || c > 127) return false;
  return true;
}

// A line of the file that commands get their variables from.
std::string variable_line(const std::string& name, const std::string& value) {
  if (value.find_first_of("'\n\r") == value.npos) return name + "='" + value + "'";
  std::string line = name + "=\"";
  for (char c : value) {
    if (c == '\n')
      line += "\\n";
    else if (c == '\r')
      line += "\\r";
    else if (c == '\t')
      line += "\\t";
    else if (c == '\\' || c == '"' || c == '$')
      (line += '\\') += c;
    else
      line += c;
  }
  return line + "\"";
}

}  // namespace

Execution Commands::run(const std::string& command, const RunOptions& options, const Handlers& handlers,
                        std::stop_token stop) const {
  return run_command(*link_, Object{{"command", not_blank(command, "command")}}, options, handlers,
                     std::move(stop));
}

Execution Commands::run(const std::vector<std::string>& argv, const RunOptions& options,
                        const Handlers& handlers, std::stop_token stop) const {
  if (argv.empty()) throw Error(ErrorCode::invalid_argument, "run a command: argv needs a program");
  not_blank(argv[0], "program");
  return run_command(*link_, Object{{"argv", to_json(argv)}}, options, handlers, std::move(stop));
}

Execution Commands::resume(const std::string& execution_id, uint64_t after, const Handlers& handlers,
                           std::stop_token stop) const {
  return Run(*link_, Collector::Kind::command, handlers, std::move(stop)).resume(execution_id, after);
}

void Commands::interrupt(const std::string& execution_id, std::stop_token stop) const {
  not_blank(execution_id, "execution id");
  link_->call_execd(
      json_call("DELETE", "/command" + query({{"id", execution_id}}), "interrupt " + execution_id), stop);
}

CommandStatus Commands::status(const std::string& execution_id, std::stop_token stop) const {
  Call call = json_call("GET", "/command/status/" + segment(not_blank(execution_id, "execution id")),
                        "get the status of command " + execution_id);
  Object object = read_object(link_->call_execd(call, stop), call.doing);
  CommandStatus status;
  status.id = text_of(object, "id");
  status.content = text_of(object, "content");
  status.running = bool_of(object, "running");
  if (auto code = find_int(object, "exit_code")) status.exit_code = static_cast<int>(*code);
  status.error = text_of(object, "error");
  status.started_at = find_time(object, "started_at");
  status.finished_at = find_time(object, "finished_at");
  return status;
}

CommandLogs Commands::logs(const std::string& execution_id, int64_t cursor, std::stop_token stop) const {
  QueryPairs pairs;
  if (cursor > 0) pairs.emplace_back("cursor", std::to_string(cursor));
  Call call = json_call(
      "GET", "/command/" + segment(not_blank(execution_id, "execution id")) + "/logs" + query(pairs),
      "get the output of command " + execution_id);
  call.headers.set("Accept", "text/plain");
  Reply reply = link_->call_execd(call, stop);
  CommandLogs logs{std::move(reply.body), std::nullopt};
  std::string_view next = reply.headers.get("EXECD-COMMANDS-TAIL-CURSOR");
  int64_t number = 0;
  if (auto [end, bad] = std::from_chars(next.data(), next.data() + next.size(), number);
      bad == std::errc() && !next.empty())
    logs.cursor = number;
  return logs;
}

std::string Commands::create_session(const std::string& working_directory, std::stop_token stop) const {
  Object body;
  if (!working_directory.empty()) body["cwd"] = working_directory;
  Call call = json_call("POST", "/session", "open a session", body);
  Reply reply = link_->call_execd(call, stop);
  std::string id = text_of(read_object(reply, call.doing), "session_id");
  if (id.empty()) throw_unexpected(reply, call.doing, "the answer has no session_id");
  return id;
}

Execution Commands::run_in_session(const std::string& session_id, const std::string& command,
                                   const RunOptions& options, const Handlers& handlers,
                                   std::stop_token stop) const {
  Object body{{"command", not_blank(command, "command")}};
  if (!options.working_directory.empty()) body["cwd"] = options.working_directory;
  if (options.timeout) body["timeout"] = options.timeout->count();
  Call call = stream_call("/session/" + segment(not_blank(session_id, "session id")) + "/run", body,
                          "run in session " + session_id);
  return Run(*link_, Collector::Kind::command, handlers, std::move(stop)).follow(call);
}

void Commands::delete_session(const std::string& session_id, std::stop_token stop) const {
  link_->call_execd(json_call("DELETE", "/session/" + segment(not_blank(session_id, "session id")),
                              "close session " + session_id),
                    stop);
}

void Commands::set_env(const std::string& name, const std::string& value, std::stop_token stop) const {
  if (!is_variable_name(name) || value.find('\0') != value.npos)
    throw Error(ErrorCode::invalid_argument,
                "set the variable " + name + ": not a name, or a NUL in its value");
  const char* script =
      R"(if [ -z "$EXECD_ENVS" ]; then echo "EXECD_ENVS is not set: this sandbox keeps no variables" >&2; exit 1; fi; )"
      R"(printf "%s\n" "$1" >>"$EXECD_ENVS")";
  Execution run =
      this->run(std::vector<std::string>{"/bin/sh", "-c", script, "set_env", variable_line(name, value)}, {},
                {}, std::move(stop));
  if (run.exit_code != 0)
    throw Error(ErrorCode::failed,
                "set the variable " + name + ": " +
                    (run.stderr_parts.empty() && run.error ? run.error->value : run.stderr_text()));
}

}  // namespace opensandbox
