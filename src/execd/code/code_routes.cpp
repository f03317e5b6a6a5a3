#include "execd/code/code_routes.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/json.h"
#include "execd/execution_routes.h"
#include "execd/request_body.h"

namespace osb::execd {
namespace {

struct ContextBody {
  std::string id;
  std::string language;
  std::string cwd;
  std::vector<std::string> preload;
};
BOOST_DESCRIBE_STRUCT(ContextBody, (), (id, language, cwd, preload))

struct RunBody {
  std::string code;
  ContextBody context;
  std::optional<int64_t> timeout;  // ms
};
BOOST_DESCRIBE_STRUCT(RunBody, (), (code, context, timeout))

struct CheckpointAnswer {
  std::string checkpoint_id;
};
BOOST_DESCRIBE_STRUCT(CheckpointAnswer, (), (checkpoint_id))

struct ContextAnswer {
  std::string id;
  std::string language;
  std::optional<std::string> cwd;
};
BOOST_DESCRIBE_STRUCT(ContextAnswer, (), (id, language, cwd))

// Names that released clients may send as a language although no context has them.
constexpr std::array<std::string_view, 3> kNoContextLanguages{"command", "background-command", "sql"};

bool has_no_contexts(std::string_view language) {
  return std::find(kNoContextLanguages.begin(), kNoContextLanguages.end(), language) !=
         kNoContextLanguages.end();
}

http::Response json_response(const json::Value& value) {
  return {200, {{"Content-Type", "application/json; charset=utf-8"}}, json::serialize(value)};
}

json::Value answer(const ContextInfo& info, bool with_cwd) {
  ContextAnswer out{info.id, info.language, {}};
  if (with_cwd && !info.cwd.empty()) out.cwd = info.cwd;
  return json::write(out);
}

Error no_context(std::string_view id) {
  return Error(ErrorCode::not_found, "context " + std::string(id) + " not found", "CONTEXT_NOT_FOUND");
}

std::string required_query(const http::Request& request, std::string_view name) {
  auto value = request.query.find(name);
  if (!value || value->empty())
    throw Error(ErrorCode::invalid, "missing query parameter '" + std::string(name) + "'", "MISSING_QUERY");
  return *value;
}

struct CodeService {
  CodeContexts& contexts;
  Retries& retries;
  RunInShell run_in_shell;
  InterruptElsewhere interrupt_elsewhere;
};

// Without a context, no language and "command" mean the shell.
net::task<std::shared_ptr<Execution>> begin_code(std::shared_ptr<CodeService> service,
                                                 const http::Request& request, std::string text) {
  RunBody body = read_request<RunBody>(text);
  if (body.code.empty()) refuse_body("invalid request, validation error code: required");
  if (body.timeout && *body.timeout < 0) refuse_body("timeout: must not be negative");
  std::chrono::milliseconds time(body.timeout.value_or(0));
  const std::string& language = body.context.language;
  if (!body.context.id.empty())
    co_return co_await service->contexts.run(language, body.context.id, std::move(body.code), time);
  bool background = language == "background-command";
  if (language.empty() || language == "command" || background)
    co_return service->run_in_shell(request, std::move(body.code), background);
  if (has_no_contexts(language))
    throw Error(ErrorCode::invalid, "language " + language + " is not supported", "NOT_SUPPORTED");
  co_return co_await service->contexts.run(language, {}, std::move(body.code), time);
}

net::task<> run_code(std::shared_ptr<CodeService> service, http::Request& request,
                     http::ResponseWriter& response) {
  std::string body = co_await request.body->read_all();
  co_await run_once(
      service->retries, request, response, std::move(body),
      [service, &request](std::string text) { return begin_code(service, request, std::move(text)); });
}

net::task<> interrupt_code(std::shared_ptr<CodeService> service, http::Request& request,
                           http::ResponseWriter& response) {
  std::string id = required_query(request, "id");
  if (!co_await service->contexts.interrupt(id)) {
    if (!service->interrupt_elsewhere) throw no_context(id);
    co_await service->interrupt_elsewhere(id);
  }
  co_await response.send({});
}

net::task<> create_context(CodeContexts& contexts, http::Request& request, http::ResponseWriter& response) {
  ContextBody body = read_request<ContextBody>(co_await request.body->read_all());
  ContextInfo info = co_await contexts.create(body.language, body.cwd, std::move(body.preload));
  co_await response.send(json_response(answer(info, true)));
}

net::task<> list_contexts(CodeContexts& contexts, http::Request& request, http::ResponseWriter& response) {
  std::string language = request.query.find("language").value_or("");
  if (has_no_contexts(language))
    throw Error(ErrorCode::invalid, "unsupported language context operation: " + language, "NOT_SUPPORTED");
  json::Array list;
  for (const ContextInfo& info : contexts.list(language)) list.push_back(answer(info, false));
  co_await response.send(json_response(list));
}

net::task<> delete_contexts(CodeContexts& contexts, http::Request& request, http::ResponseWriter& response) {
  co_await contexts.remove_all(required_query(request, "language"));
  co_await response.send({});
}

net::task<> get_context(CodeContexts& contexts, http::Request& request, http::ResponseWriter& response) {
  auto info = contexts.find(request.parameter(0));
  if (!info) throw no_context(request.parameter(0));
  co_await response.send(json_response(answer(*info, false)));
}

net::task<> delete_context(CodeContexts& contexts, http::Request& request, http::ResponseWriter& response) {
  bool known = co_await contexts.remove(std::string(request.parameter(0)));
  if (!known) throw no_context(request.parameter(0));
  co_await response.send({});
}

size_t count_of(const http::Request& request) {
  std::string text = request.query.find("count").value_or("1");
  size_t count = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc() || end != text.data() + text.size() || count == 0)
    throw Error(ErrorCode::invalid, "count: expected a positive number, not " + text);
  return count;
}

net::task<> fork_context(CodeContexts& contexts, http::Request& request, http::ResponseWriter& response) {
  std::string id(request.parameter(0));
  json::Array list;
  for (const ContextInfo& info : co_await contexts.fork(std::move(id), count_of(request)))
    list.push_back(answer(info, false));
  co_await response.send(json_response(json::Object{{"contexts", std::move(list)}}));
}

net::task<> checkpoint_context(CodeContexts& contexts, http::Request& request,
                               http::ResponseWriter& response) {
  CheckpointAnswer made{co_await contexts.checkpoint(std::string(request.parameter(0)))};
  co_await response.send(json_response(json::write(made)));
}

net::task<> restore_context(CodeContexts& contexts, http::Request& request, http::ResponseWriter& response) {
  auto body = read_request<CheckpointAnswer>(co_await request.body->read_all());
  if (body.checkpoint_id.empty()) refuse_body("checkpoint_id: required");
  ContextInfo info = co_await contexts.restore(std::string(request.parameter(0)), body.checkpoint_id);
  co_await response.send(json_response(answer(info, false)));
}

net::task<> delete_checkpoint(CodeContexts& contexts, http::Request& request,
                              http::ResponseWriter& response) {
  if (!contexts.remove_checkpoint(request.parameter(0), request.parameter(1)))
    throw Error(ErrorCode::not_found, "checkpoint " + std::string(request.parameter(1)) + " not found",
                "CHECKPOINT_NOT_FOUND");
  co_await response.send({});
}

}  // namespace

void add_code_routes(http::Router& router, CodeContexts& contexts, Retries& retries, RunInShell run_in_shell,
                     InterruptElsewhere elsewhere) {
  auto service = std::make_shared<CodeService>(
      CodeService{contexts, retries, std::move(run_in_shell), std::move(elsewhere)});
  using Step = net::task<> (*)(CodeContexts&, http::Request&, http::ResponseWriter&);
  auto add = [&](std::string_view method, std::string_view pattern, Step step) {
    router.add(method, pattern, [&contexts, step](http::Request& request, http::ResponseWriter& response) {
      return step(contexts, request, response);
    });
  };
  router.add("POST", "/code", [service](http::Request& request, http::ResponseWriter& response) {
    return run_code(service, request, response);
  });
  add("POST", "/code/context", create_context);
  add("GET", "/code/contexts", list_contexts);
  add("DELETE", "/code/contexts", delete_contexts);
  add("GET", "/code/contexts/{}", get_context);
  add("DELETE", "/code/contexts/{}", delete_context);
  add("POST", "/code/contexts/{}/fork", fork_context);
  add("POST", "/code/contexts/{}/checkpoint", checkpoint_context);
  add("POST", "/code/contexts/{}/restore", restore_context);
  add("DELETE", "/code/contexts/{}/checkpoints/{}", delete_checkpoint);
  router.add("DELETE", "/code", [service](http::Request& request, http::ResponseWriter& response) {
    return interrupt_code(service, request, response);
  });
}

}  // namespace osb::execd
