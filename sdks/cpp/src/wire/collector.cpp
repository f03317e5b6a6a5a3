#include "wire/collector.h"

#include <charconv>

#include "wire/json.h"

namespace opensandbox::detail {
namespace {

int64_t stamp(const Object& event) {
  auto given = find_int(event, "timestamp");
  if (given) return *given;
  auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<Milliseconds>(now).count();
}

template <class Handler, class... Args>
void tell(const Handler& handler, const Args&... args) {
  if (handler) handler(args...);
}

}  // namespace

void Collector::begin_at(std::string execution_id, uint64_t last_event) {
  run_.execution_id = std::move(execution_id);
  run_.last_event = last_event;
}

void Collector::take(const Object& event) {
  if (auto eid = find_int(event, "eid"); eid && *eid > 0) {
    if (static_cast<uint64_t>(*eid) <= run_.last_event) return;
    run_.last_event = static_cast<uint64_t>(*eid);
  }
  std::string type = text_of(event, "type");
  bool late = ended_ && !(kind_ == Kind::code && type == "execution_complete" && !run_.complete);
  if (late) return;
  if (type == "init") return init(event);
  if (type == "stdout" || type == "stderr") return output(event, type == "stderr");
  if (type == "result") return result(event);
  if (type == "execution_complete") return complete(event);
  if (type == "error") return error(event);
  if (type == "execution_count") run_.execution_count = static_cast<int>(int_of(event, "execution_count"));
  if (type == "clear_output") tell(handlers_.on_clear, bool_of(event, "wait"));
  if (type == "gap") tell(handlers_.on_gap, static_cast<uint64_t>(int_of(event, "dropped")));
  if (type.empty() && event.contains("code") &&
      event.contains("message"))  // an error answer in place of a stream
    fail({loose_text(event, "code"), loose_text(event, "message"), {}, stamp(event)});
}

void Collector::init(const Object& event) {
  run_.id = loose_text(event, "text");
  if (auto id = find_text(event, "execution_id"); id && !id->empty()) run_.execution_id = *id;
  tell(handlers_.on_init, ExecutionInit{run_.id, run_.execution_id, stamp(event)});
}

void Collector::output(const Object& event, bool is_error) {
  Output output{loose_text(event, "text"), stamp(event), is_error};
  tell(is_error ? handlers_.on_stderr : handlers_.on_stdout, output);
  if (handlers_.keep_output) (is_error ? run_.stderr_parts : run_.stdout_parts).push_back(std::move(output));
}

void Collector::result(const Object& event) {
  CodeResult result;
  result.data = map_of(event, "results");
  result.timestamp = stamp(event);
  auto text = result.data.extract("text");
  auto plain = result.data.find("text/plain");
  if (plain == result.data.end() && !text.empty())
    plain = result.data.emplace("text/plain", text.mapped()).first;
  if (!text.empty())
    result.text = text.mapped();
  else if (plain != result.data.end())
    result.text = plain->second;
  result.metadata = event.contains("metadata") ? as_text(event.at("metadata")) : "";
  result.display_id = text_of(event, "display_id");
  result.update = bool_of(event, "update");
  tell(handlers_.on_result, result);
  if (handlers_.keep_output) run_.results.push_back(std::move(result));
}

void Collector::complete(const Object& event) {
  ended_ = true;
  run_.complete = ExecutionComplete{stamp(event), Milliseconds(int_of(event, "execution_time"))};
  tell(handlers_.on_complete, *run_.complete);
}

void Collector::error(const Object& event) {
  const Object* inner = find_object(event, "error");
  const Object& from = inner ? *inner : event;
  ExecutionError error{loose_text(from, "ename"), loose_text(from, "evalue"), texts_of(from, "traceback"),
                       stamp(event)};
  if (error.name.empty()) error.name = inner ? loose_text(from, "name") : "Error";
  if (error.value.empty()) error.value = loose_text(from, inner ? "value" : "text");
  if (error.value.empty() && !inner) error.value = loose_text(event, "error");
  if (auto one = find_text(from, "traceback")) error.traceback = {*one};
  fail(std::move(error));
}

void Collector::fail(ExecutionError error) {
  ended_ = true;
  run_.error = std::move(error);
  tell(handlers_.on_error, *run_.error);
}

Execution Collector::finish() {
  if (kind_ != Kind::command) return std::move(run_);
  if (run_.error) {
    int code = 0;
    const std::string& text = run_.error->value;
    auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), code);
    if (bad == std::errc() && end == text.data() + text.size()) run_.exit_code = code;
  } else if (run_.complete) {
    run_.exit_code = 0;
  }
  return std::move(run_);
}

}  // namespace opensandbox::detail
