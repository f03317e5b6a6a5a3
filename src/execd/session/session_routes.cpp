#include "execd/session/session_routes.h"

#include <utility>

#include "base/error.h"
#include "base/json_text.h"
#include "execd/client_version.h"
#include "execd/execution_routes.h"
#include "execd/request_body.h"

namespace osb::execd {
namespace {

constexpr uint64_t kBodyBytes = 4 * 1024 * 1024;

struct CreateBody {
  std::optional<std::string> cwd;
};
BOOST_DESCRIBE_STRUCT(CreateBody, (), (cwd))

struct RunBody {
  std::optional<std::string> command;
  std::optional<std::string> cwd;
  std::optional<int64_t> timeout;  // ms
};
BOOST_DESCRIBE_STRUCT(RunBody, (), (command, cwd, timeout))

struct Service {
  Sessions& sessions;
  Retries& retries;
  bool strip_line_terminators;
};

Error no_session(const std::string& id) {
  return Error(ErrorCode::not_found, "session " + id + " not found", "CONTEXT_NOT_FOUND");
}

std::string without_nul(std::string_view name, std::string text) {
  if (text.find('\0') != std::string::npos) refuse_body(std::string(name) + ": cannot hold NUL");
  return text;
}

SessionRun parse_run(std::string_view text) {
  RunBody body = read_request<RunBody>(text);
  SessionRun run;
  run.command = without_nul("command", std::move(body.command).value_or(""));
  run.cwd = without_nul("cwd", std::move(body.cwd).value_or(""));
  if (run.command.empty()) refuse_body("command: required");
  if (body.timeout.value_or(0) < 0) refuse_body("timeout: cannot be negative");
  run.timeout = std::chrono::milliseconds(body.timeout.value_or(0));
  return run;
}

net::task<> create(std::shared_ptr<Service> service, http::Request& request, http::ResponseWriter& response) {
  std::string text = co_await request.body->read_all(kBodyBytes);
  CreateBody body;
  if (!text.empty()) body = read_request<CreateBody>(text);
  auto session = service->sessions.create(without_nul("cwd", body.cwd.value_or("")));
  co_await response.send({200,
                          {{"Content-Type", "application/json; charset=utf-8"}},
                          R"({"session_id":)" + json_string(session->id()) + "}"});
}

net::task<std::shared_ptr<Execution>> begin_run(std::shared_ptr<Service> service,
                                                const http::Request& request, std::string body) {
  std::shared_ptr<Session> session = service->sessions.find(request.parameters.at(0));
  if (!session) throw no_session(request.parameters[0]);
  SessionRun run = parse_run(body);
  if (service->strip_line_terminators || wants_stripped_lines(request.headers.get("User-Agent")))
    run.terminators = LineSplitter::Terminators::strip;
  co_return service->sessions.run(*session, std::move(run));
}

net::task<> run(std::shared_ptr<Service> service, http::Request& request, http::ResponseWriter& response) {
  std::string body = co_await request.body->read_all(kBodyBytes);
  co_await run_once(
      service->retries, request, response, std::move(body),
      [service, &request](std::string text) { return begin_run(service, request, std::move(text)); });
}

net::task<> remove(std::shared_ptr<Service> service, http::Request& request, http::ResponseWriter& response) {
  if (!co_await service->sessions.remove(request.parameters.at(0))) throw no_session(request.parameters[0]);
  co_await response.send({});
}

}  // namespace

void add_session_routes(http::Router& router, Sessions& sessions, Retries& retries,
                        bool strip_line_terminators) {
  auto service = std::make_shared<Service>(Service{sessions, retries, strip_line_terminators});
  auto with = [&service](auto handler) {
    return [service, handler](http::Request& request, http::ResponseWriter& response) {
      return handler(service, request, response);
    };
  };
  router.add("POST", "/session", with(create));
  router.add("POST", "/session/{}/run", with(run));
  router.add("DELETE", "/session/{}", with(remove));
}

}  // namespace osb::execd
