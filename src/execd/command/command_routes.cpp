#include "execd/command/command_routes.h"

#include <charconv>

#include "base/json_text.h"
#include "execd/client_version.h"
#include "execd/execution_routes.h"
#include "execd/request_body.h"

namespace osb::execd {
namespace {

constexpr uint64_t kBodyBytes = 4 * 1024 * 1024;
constexpr size_t kLogPieceBytes = 64 * 1024;

struct Service {
  Commands& commands;
  Retries& retries;
  CommandServiceOptions options;
};

std::shared_ptr<Execution> start(Commands& commands, const CommandServiceOptions& options,
                                 const http::Request& request, const CommandRequest& what) {
  CommandSpec spec = resolve_command(what, options.defaults);
  bool strip = options.strip_line_terminators || wants_stripped_lines(request.headers.get("User-Agent"));
  spec.terminators = strip ? LineSplitter::Terminators::strip : LineSplitter::Terminators::keep;
  return commands.start(std::move(spec));
}

net::task<std::shared_ptr<Execution>> begin_command(std::shared_ptr<Service> service,
                                                    const http::Request& request, std::string body) {
  co_return start(service->commands, service->options, request, parse_command_request(body));
}

net::task<> run_command(std::shared_ptr<Service> service, http::Request& request,
                        http::ResponseWriter& response) {
  std::string body = co_await request.body->read_all(kBodyBytes);
  co_await run_once(
      service->retries, request, response, std::move(body),
      [service, &request](std::string text) { return begin_command(service, request, std::move(text)); });
}

net::task<> interrupt(std::shared_ptr<Service> service, http::Request& request,
                      http::ResponseWriter& response) {
  std::string id = request.query.find("id").value_or("");
  if (id.empty()) throw Error(ErrorCode::invalid, "missing query parameter 'id'", "MISSING_QUERY");
  co_await service->commands.interrupt(id);
  co_await response.send({});
}

void add_member(std::string& out, std::string_view name, std::string_view text) {
  out.append(",\"").append(name).append("\":");
  append_json_string(out, text);
}

std::string usage_json(const Command::Usage& usage) {
  std::string out = R"({"cpu_us":)" + std::to_string(usage.cpu.count());
  auto add = [&out](std::string_view name, uint64_t value) {
    out.append(",\"").append(name).append("\":").append(std::to_string(value));
  };
  add("output_bytes", usage.output_bytes);
  if (usage.peak_memory_bytes) add("peak_memory_bytes", *usage.peak_memory_bytes);
  if (usage.written_bytes) add("written_bytes", *usage.written_bytes);
  return out + "}";
}

std::string status_json(const Command& command) {
  std::string out = R"({"id":)";
  append_json_string(out, command.id());
  add_member(out, "content", command.content());
  out += command.running() ? R"(,"running":true)" : R"(,"running":false)";
  if (!command.running()) out += R"(,"exit_code":)" + std::to_string(command.exit_code());
  if (!command.error().empty()) add_member(out, "error", command.error());
  add_member(out, "started_at", rfc3339_nanos(command.started_at()));
  if (command.finished_at()) add_member(out, "finished_at", rfc3339_nanos(*command.finished_at()));
  out += R"(,"usage":)" + usage_json(command.usage()) + "}";
  return out;
}

Error unknown(ErrorCode code, std::string_view id) {
  return Error(code, "command not found: " + std::string(id), "INVALID_REQUEST_BODY");
}

net::task<> status(std::shared_ptr<Service> service, http::Request& request, http::ResponseWriter& response) {
  std::shared_ptr<Command> command = service->commands.find(request.parameters.at(0));
  if (!command) throw unknown(ErrorCode::not_found, request.parameter(0));
  co_await response.send({200, {{"Content-Type", "application/json; charset=utf-8"}}, status_json(*command)});
}

// A cursor that is no number reads from the start.
int64_t cursor_of(const http::Request& request) {
  std::string text = request.query.find("cursor").value_or("");
  int64_t cursor = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), cursor);
  if (error != std::errc() || end != text.data() + text.size()) return 0;
  if (cursor < 0)
    throw Error(ErrorCode::invalid, "reading the log: the cursor cannot be negative", "INVALID_REQUEST_BODY");
  return cursor;
}

// The log grows while it is sent: the answer is what was there at the beginning. It may also lose its oldest
// part meanwhile, under a client that reads slower than the command prints; that breaks the answer off.
net::task<> logs(std::shared_ptr<Service> service, http::Request& request, http::ResponseWriter& response) {
  std::shared_ptr<Command> command = service->commands.find(request.parameters.at(0));
  if (!command) throw unknown(ErrorCode::invalid, request.parameter(0));
  const CommandLog* log = command->log();
  if (!log)
    throw Error(ErrorCode::invalid, "command " + command->id() + " is not running in background",
                "INVALID_REQUEST_BODY");
  uint64_t end = log->end();
  uint64_t wanted = std::min(static_cast<uint64_t>(cursor_of(request)), end);
  uint64_t offset = std::max(wanted, log->first());
  http::Headers headers = {{"Content-Type", "text/plain; charset=utf-8"},
                           {"EXECD-COMMANDS-TAIL-CURSOR", std::to_string(end)},
                           {"Content-Length", std::to_string(end - offset)}};
  if (offset > wanted) headers.add("EXECD-COMMANDS-LOG-DROPPED", std::to_string(offset - wanted));
  response.start(200, std::move(headers));
  std::string piece(std::min<uint64_t>(kLogPieceBytes, end - offset), '\0');
  while (offset < end) {
    if (offset < log->first()) throw Error(ErrorCode::unavailable, "reading the log: it was overtaken");
    size_t n = log->read(offset, std::span(piece.data(), std::min<uint64_t>(piece.size(), end - offset)));
    if (n == 0) throw Error(ErrorCode::internal, "reading the log: it ended early");
    offset += n;
    if (offset < end)
      co_await response.write(std::string_view(piece).substr(0, n));
    else
      piece.resize(n);
  }
  co_await response.finish(piece);
}

}  // namespace

std::shared_ptr<Execution> start_shell_command(Commands& commands, const CommandServiceOptions& options,
                                               const http::Request& request, std::string text,
                                               bool background) {
  if (text.find('\0') != std::string::npos) refuse_body("code: cannot hold NUL");
  CommandRequest what;
  what.command = std::move(text);
  what.background = background;
  return start(commands, options, request, what);
}

void add_command_routes(http::Router& router, Commands& commands, Retries& retries,
                        CommandServiceOptions options) {
  auto service = std::make_shared<Service>(Service{commands, retries, std::move(options)});
  auto with = [&service](auto handler) {
    return [service, handler](http::Request& request, http::ResponseWriter& response) {
      return handler(service, request, response);
    };
  };
  router.add("POST", "/command", with(run_command));
  router.add("DELETE", "/command", with(interrupt));
  router.add("GET", "/command/status/{}", with(status));
  router.add("GET", "/command/{}/logs", with(logs));
}

}  // namespace osb::execd
