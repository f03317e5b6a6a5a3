#include <opensandbox/codes.h>

#include "calls/run.h"
#include "wire/json.h"
#include "wire/text.h"

namespace opensandbox {

using namespace detail;

namespace {

CodeContext read_context(const Object& object) {
  return {text_of(object, "id"), text_of(object, "language"), text_of(object, "cwd")};
}

std::vector<CodeContext> read_contexts(const Array& array) {
  std::vector<CodeContext> contexts;
  for (const Value& value : array)
    if (const Object* object = value.if_object()) contexts.push_back(read_context(*object));
  return contexts;
}

std::string context_path(const std::string& id) {
  return "/code/contexts/" + segment(not_blank(id, "context id"));
}

}  // namespace

Execution Codes::run(const std::string& code, const CodeOptions& options, const Handlers& handlers,
                     std::stop_token stop) const {
  Object context;
  if (!options.language.empty())
    context["language"] = options.language;
  else if (options.context_id.empty())
    context["language"] = "python";
  if (!options.context_id.empty()) context["id"] = options.context_id;
  Object body{{"code", not_blank(code, "code")}, {"context", std::move(context)}};
  if (options.timeout) body["timeout"] = options.timeout->count();
  return Run(*link_, Collector::Kind::code, handlers, std::move(stop))
      .follow(stream_call("/code", body, "run code"));
}

Execution Codes::resume(const std::string& execution_id, uint64_t after, const Handlers& handlers,
                        std::stop_token stop) const {
  return Run(*link_, Collector::Kind::code, handlers, std::move(stop)).resume(execution_id, after);
}

void Codes::interrupt(const std::string& id, std::stop_token stop) const {
  link_->call_execd(json_call("DELETE", "/code" + query({{"id", not_blank(id, "id")}}), "interrupt " + id),
                    stop);
}

CodeContext Codes::create_context(const std::string& language, const ContextOptions& options,
                                  std::stop_token stop) const {
  Object body{{"language", not_blank(language, "language")}};
  if (!options.working_directory.empty()) body["cwd"] = options.working_directory;
  if (!options.preload.empty()) body["preload"] = to_json(options.preload);
  Call call = json_call("POST", "/code/context", "make a " + language + " context", body);
  return read_context(read_object(link_->call_execd(call, stop), call.doing));
}

CodeContext Codes::context(const std::string& id, std::stop_token stop) const {
  Call call = json_call("GET", context_path(id), "get context " + id);
  return read_context(read_object(link_->call_execd(call, stop), call.doing));
}

std::vector<CodeContext> Codes::contexts(const std::string& language, std::stop_token stop) const {
  QueryPairs pairs;
  if (!language.empty()) pairs.emplace_back("language", language);
  Call call = json_call("GET", "/code/contexts" + query(pairs), "list contexts");
  return read_contexts(read_array(link_->call_execd(call, stop), call.doing));
}

void Codes::delete_context(const std::string& id, std::stop_token stop) const {
  link_->call_execd(json_call("DELETE", context_path(id), "delete context " + id), stop);
}

void Codes::delete_contexts(const std::string& language, std::stop_token stop) const {
  link_->call_execd(
      json_call("DELETE", "/code/contexts" + query({{"language", not_blank(language, "language")}}),
                "delete all " + language + " contexts"),
      stop);
}

std::vector<CodeContext> Codes::fork(const std::string& context_id, int count, std::stop_token stop) const {
  Call call =
      json_call("POST", context_path(context_id) + "/fork" + query({{"count", std::to_string(count)}}),
                "fork context " + context_id);
  Object answer = read_object(link_->call_execd(call, stop), call.doing);
  const Array* contexts = find_array(answer, "contexts");
  return contexts ? read_contexts(*contexts) : std::vector<CodeContext>{};
}

std::string Codes::checkpoint(const std::string& context_id, std::stop_token stop) const {
  Call call =
      json_call("POST", context_path(context_id) + "/checkpoint", "keep the state of context " + context_id);
  return text_of(read_object(link_->call_execd(call, stop), call.doing), "checkpoint_id");
}

void Codes::restore(const std::string& context_id, const std::string& checkpoint_id,
                    std::stop_token stop) const {
  link_->call_execd(json_call("POST", context_path(context_id) + "/restore", "restore context " + context_id,
                              Object{{"checkpoint_id", not_blank(checkpoint_id, "checkpoint id")}}),
                    stop);
}

void Codes::delete_checkpoint(const std::string& context_id, const std::string& checkpoint_id,
                              std::stop_token stop) const {
  link_->call_execd(json_call("DELETE", context_path(context_id) + "/checkpoints/" + segment(checkpoint_id),
                              "delete checkpoint " + checkpoint_id),
                    stop);
}

}  // namespace opensandbox
