#include "execd/code/worker_message.h"

#include "base/json.h"
#include "base/json_text.h"

namespace osb::execd {

WorkerMessage parse_worker_message(std::string_view text) {
  return json::read<WorkerMessage>(json::parse(text));
}

std::string fork_request(std::string_view context, std::string_view cwd) {
  std::string out = R"({"type":"fork","context":)";
  append_json_string(out, context);
  out += R"(,"cwd":)";
  append_json_string(out, cwd);
  return out += '}';
}

std::string execute_request(int64_t run, std::string_view code) {
  std::string out = R"({"type":"execute_request","run":)" + std::to_string(run) + R"(,"code":)";
  append_json_string(out, code);
  return out += '}';
}

std::string display_ack(int64_t display, bool signalled) {
  return R"({"type":"display_ack","display":)" + std::to_string(display) +
         (signalled ? R"(,"signalled":true})" : "}");
}

std::string interrupt_request(int64_t run) {
  return R"({"type":"interrupt_request","run":)" + std::to_string(run) + "}";
}

}  // namespace osb::execd
