#include "execd/event.h"

#include "base/json_text.h"

namespace osb::execd {
namespace {

// {"type":"<type>","text":<text>  (text left out when it is empty)
std::string begin(std::string_view type, std::string_view text = {}) {
  std::string out;
  out.reserve(text.size() + 96);
  out.append(R"({"type":")").append(type).push_back('"');
  if (!text.empty()) {
    out += R"(,"text":)";
    append_json_string(out, text);
  }
  return out;
}

void add_number(std::string& out, std::string_view name, int64_t value) {
  out.append(",\"").append(name).append("\":").append(std::to_string(value));
}

void add_timestamp(std::string& out) { add_number(out, "timestamp", unix_ms(now())); }

std::string text_event(std::string_view type, std::string_view text, std::string_view more = {}) {
  std::string out = begin(type, text);
  add_timestamp(out);
  out.append(more).push_back('}');
  return out;
}

std::string output_event(std::string_view type, std::string_view text, bool partial) {
  return text_event(type, text, partial ? kPartialMember : "");
}

void add_member(std::string& out, std::string_view name, std::string_view value) {
  if (out.back() != '{') out += ',';
  append_json_string(out, name);
  out += ':';
  append_json_string(out, value);
}

}  // namespace

std::string init_event(std::string_view id, std::string_view execution_id) {
  std::string out = begin("init", id);
  add_timestamp(out);
  add_member(out, "execution_id", execution_id);
  out += '}';
  return out;
}

std::string ping_event() { return text_event("ping", "pong"); }
std::string stdout_event(std::string_view text, bool partial) {
  return output_event("stdout", text, partial);
}
std::string stderr_event(std::string_view text, bool partial) {
  return output_event("stderr", text, partial);
}

std::string_view output_head(OutputKind kind) {
  return kind == OutputKind::out ? R"({"type":"stdout","text":)" : R"({"type":"stderr","text":)";
}

std::string output_tail(TimePoint time) {
  std::string out;
  add_number(out, "timestamp", unix_ms(time));
  return out;
}

std::string status_event(std::string_view text) { return text_event("status", text); }

std::string result_event(const std::vector<std::pair<std::string, std::string>>& results) {
  std::string out = begin("result");
  add_timestamp(out);
  out += R"(,"results":{)";
  for (const auto& [mime, text] : results) {
    if (mime == "text/plain") add_member(out, "text", text);
    add_member(out, mime, text);
  }
  out += "}}";
  return out;
}

std::string execution_count_event(int64_t count) {
  std::string out = begin("execution_count");
  if (count != 0) add_number(out, "execution_count", count);
  add_timestamp(out);
  out += '}';
  return out;
}

std::string error_event(std::string_view ename, std::string_view evalue,
                        const std::vector<std::string>& traceback) {
  std::string out = begin("error");
  add_timestamp(out);
  out += R"(,"error":{)";
  add_member(out, "ename", ename);
  add_member(out, "evalue", evalue);
  out += R"(,"traceback":[)";
  for (size_t i = 0; i < traceback.size(); ++i) {
    if (i != 0) out += ',';
    append_json_string(out, traceback[i]);
  }
  out += "]}}";
  return out;
}

bool is_error_event(std::string_view event) { return event.starts_with(R"({"type":"error")"); }

std::string execution_complete_event(int64_t execution_time_ms) {
  std::string out = begin("execution_complete");
  if (execution_time_ms != 0) add_number(out, "execution_time", execution_time_ms);
  add_timestamp(out);
  out += '}';
  return out;
}

std::string gap_event(int64_t dropped, int64_t eid) {
  std::string out = begin("gap");
  add_timestamp(out);
  add_number(out, "dropped", dropped);
  add_number(out, "eid", eid);
  out += '}';
  return out;
}

}  // namespace osb::execd
