#include "execd/code/jupyter/jupyter_run.h"

#include <algorithm>
#include <utility>

#include "execd/event.h"

namespace osb::execd {
namespace {

using Clock = std::chrono::steady_clock;

std::string_view text_at(const json::Object& object, std::string_view name) {
  const json::Value* found = object.if_contains(name);
  return found && found->is_string() ? std::string_view(found->get_string()) : std::string_view();
}

const json::Object& object_at(const json::Object& object, std::string_view name) {
  static const json::Object none;
  const json::Value* found = object.if_contains(name);
  return found && found->is_object() ? found->get_object() : none;
}

// Texts may come as lists of their lines; what is JSON goes to clients as its text.
std::string as_text(const json::Value& value) {
  if (value.is_string()) return std::string(value.get_string());
  if (value.is_array() && !value.get_array().empty() &&
      std::all_of(value.get_array().begin(), value.get_array().end(),
                  [](const json::Value& line) { return line.is_string(); })) {
    std::string text;
    for (const json::Value& line : value.get_array()) text += line.get_string();
    return text;
  }
  return json::serialize(value);
}

bool is_json(std::string_view mime) { return mime == "application/json" || mime.ends_with("+json"); }

std::vector<std::pair<std::string, std::string>> texts_of(const json::Object& data) {
  std::vector<std::pair<std::string, std::string>> texts;
  for (const auto& [mime, value] : data)
    texts.emplace_back(mime, is_json(mime) && !value.is_string() ? json::serialize(value) : as_text(value));
  return texts;
}

}  // namespace

json::Object execute_content(std::string_view code) {
  json::Object content;
  content["code"] = code;
  content["silent"] = false;
  content["store_history"] = true;
  content["user_expressions"] = json::Object();
  content["allow_stdin"] = false;
  content["stop_on_error"] = false;  // else the kernel might drop the request behind an error
  return content;
}

JupyterRun::JupyterRun(std::shared_ptr<Journal> events, std::string id, OutputAllowance allowance)
    : events_(std::move(events)), id_(std::move(id)), allowance_(allowance), started_(Clock::now()) {}

void JupyterRun::published(const JupyterMessage& message) {
  bool ours = message.parent == id_;
  if (ours && message.type != "status") begun_ = true;
  if (ours && message.type == "status" && text_at(message.content, "execution_state") == "idle") idle_ = true;
  if (!begun_ || failed_) return;
  if (!message.unreadable.empty())
    return print(false, "[a message of the kernel was left out: " + message.unreadable + "]\n");
  if (message.type == "stream") {
    print(text_at(message.content, "name") != "stderr", text_at(message.content, "text"));
  } else if (message.type == "display_data" || message.type == "update_display_data") {
    show(message.content);
  } else if (message.type == "execute_result" && ours) {
    const json::Value* count = message.content.if_contains("execution_count");
    events_->append(execution_count_event(count && count->is_int64() ? count->get_int64() : 0));
    show(message.content);
  } else if (message.type == "error" && ours) {
    fail(message.content);
  }
}

void JupyterRun::replied(const JupyterMessage& message) {
  reply_ = true;
  if (message.parent == id_) answer_ = message.content;
}

void JupyterRun::print(bool to_stdout, std::string_view text) {
  if (text.empty() || failed_) return;
  OutputAllowance::Passed passed = allowance_.take(text);
  if (!passed.text.empty())
    events_->append(to_stdout ? stdout_event(passed.text) : stderr_event(passed.text));
  if (passed.first_cut) events_->append(stderr_event(allowance_.notice()));
}

void JupyterRun::left_out() { print(false, "[a message of the kernel was left out: it is too large]\n"); }

void JupyterRun::show(const json::Object& content) {
  const json::Object& data = object_at(content, "data");
  if (!data.empty()) events_->append(result_event(texts_of(data)));
}

void JupyterRun::fail(const json::Object& content) {
  std::vector<std::string> traceback;
  const json::Value* lines = content.if_contains("traceback");
  if (lines && lines->is_array())
    for (const json::Value& line : lines->get_array()) traceback.push_back(as_text(line));
  std::string_view name = text_at(content, "ename"), value = text_at(content, "evalue");
  fail(name.empty() ? "Error" : name, value, traceback);
}

void JupyterRun::fail(std::string_view ename, std::string_view evalue,
                      const std::vector<std::string>& traceback) {
  if (std::exchange(failed_, true)) return;
  events_->append(status_event("error"));
  events_->append(error_event(ename, evalue, traceback));
}

void JupyterRun::refuse_input() {
  fail("StdinNotImplementedError", "code in a context has no standard input", {});
}

void JupyterRun::finish() {
  std::string_view status = text_at(answer_, "status");
  if (status == "error") {
    fail(answer_);
  } else if (status == "abort" || status == "aborted") {
    if (interrupted_)
      fail("KeyboardInterrupt", "the run was interrupted", {});
    else
      fail("Aborted", "the kernel gave the run up", {});
  }
  const json::Value* payload = answer_.if_contains("payload");
  if (!failed_ && payload && payload->is_array())
    for (const json::Value& page : payload->get_array())
      if (page.is_object() && text_at(page.get_object(), "source") == "page") show(page.get_object());
  if (!failed_) {
    auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - started_).count();
    events_->append(execution_complete_event(std::max<int64_t>(1, ms)));
  }
  events_->close();
}

}  // namespace osb::execd
