#include "execd/pty/pty_frame.h"

#include <signal.h>

#include <utility>

#include "base/json_text.h"
#include "base/log.h"
#include "execd/request_body.h"

namespace osb::execd {
namespace {

constexpr char kInput = 0;
constexpr char kReplay = 3;
using Kind = ClientFrame::Kind;

constexpr std::pair<std::string_view, int> kSignals[] = {
    {"SIGINT", SIGINT}, {"SIGTERM", SIGTERM}, {"SIGKILL", SIGKILL}, {"SIGQUIT", SIGQUIT}, {"SIGHUP", SIGHUP}};

struct TextFrame {
  std::string type;
  std::string data;
  int64_t cols = 0;
  int64_t rows = 0;
  std::string signal;
};
BOOST_DESCRIBE_STRUCT(TextFrame, (), (type, data, cols, rows, signal))

std::optional<ClientFrame> resize(const TextFrame& text) {
  if (text.cols <= 0 || text.rows <= 0 || text.cols > UINT16_MAX || text.rows > UINT16_MAX)
    return std::nullopt;
  return ClientFrame{
      Kind::resize, {}, {static_cast<uint16_t>(text.cols), static_cast<uint16_t>(text.rows)}, 0};
}

std::optional<ClientFrame> signal(const TextFrame& text) {
  for (const auto& [name, number] : kSignals)
    if (text.signal == name) return ClientFrame{Kind::signal, {}, {}, number};
  log_info("a terminal's client asked for a signal that is not offered", {{"signal", text.signal}});
  return std::nullopt;
}

std::optional<ClientFrame> interpret(TextFrame text) {
  if (text.type == "stdin") return ClientFrame{Kind::input, std::move(text.data), {}, 0};
  if (text.type == "eof") return ClientFrame{Kind::end_of_input, {}, {}, 0};
  if (text.type == "resize") return resize(text);
  if (text.type == "signal") return signal(text);
  if (text.type == "ping") return ClientFrame{Kind::ping, {}, {}, 0};
  return ClientFrame{Kind::unknown, std::move(text.type), {}, 0};
}

}  // namespace

std::string output_frame(Output kind, std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size() + 1);
  out += static_cast<char>(kind);
  out.append(bytes);
  return out;
}

std::string replay_frame(uint64_t offset, std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size() + 9);
  out += kReplay;
  for (int shift = 56; shift >= 0; shift -= 8) out += static_cast<char>(offset >> shift);
  out.append(bytes);
  return out;
}

std::string connected_frame(std::string_view session, PtyMode mode, PtyRole role) {
  std::string out = R"({"type":"connected","session_id":)";
  append_json_string(out, session);
  out += mode == PtyMode::pipe ? R"(,"mode":"pipe")" : R"(,"mode":"pty")";
  out += role == PtyRole::viewer ? R"(,"role":"viewer"})" : R"(,"role":"holder"})";
  return out;
}

std::string pong_frame() { return R"({"type":"pong"})"; }

std::string exit_frame(int exit_code) {
  return R"({"type":"exit","exit_code":)" + std::to_string(exit_code) + "}";
}

std::string error_frame(std::string_view message, std::string_view code) {
  std::string out = R"({"type":"error","error":)";
  append_json_string(out, message);
  out += R"(,"code":)";
  append_json_string(out, code);
  out += '}';
  return out;
}

std::optional<ClientFrame> parse_client_frame(http::WebSocketMessage message) {
  if (message.kind == http::Opcode::binary) {
    if (message.payload.empty() || message.payload[0] != kInput) return std::nullopt;
    message.payload.erase(0, 1);
    return ClientFrame{Kind::input, std::move(message.payload), {}, 0};
  }
  try {
    return interpret(read_request<TextFrame>(message.payload));
  } catch (const Error&) {
    return std::nullopt;
  }
}

}  // namespace osb::execd
