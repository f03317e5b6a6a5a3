#include "calls/terminal_line.h"

#include "wire/json.h"

namespace opensandbox::detail {

using osb::http::CloseCode;
using osb::http::Opcode;

TerminalLine::~TerminalLine() {
  if (ended_) return;
  try {
    socket_->send(Opcode::close, osb::http::close_payload(CloseCode::normal, ""),
                  Wait::at_most(Milliseconds(500), {}));
  } catch (const std::exception&) {}
}

std::optional<TerminalOutput> TerminalLine::read(Milliseconds timeout, const std::stop_token& stop) {
  Wait wait = Wait::until_stopped(stop);
  if (timeout < std::chrono::hours(1'000'000)) wait = wait.capped(timeout);
  while (!ended_) {
    try {
      auto message = socket_->read(wait);
      if (!message) {
        ended_ = true;
        if (!exit_code_)
          throw Error(ErrorCode::unreachable, doing() + ": the connection ended; the session lives on");
        break;
      }
      if (auto output = take(*message)) return output;
    } catch (const Failure& failure) {
      if (failure.cause() == Failure::Cause::timeout) return std::nullopt;
      if (failure.cause() == Failure::Cause::broken) ended_ = true;
      throw_network_error(failure, doing(), target_);
    }
  }
  return std::nullopt;
}

std::optional<TerminalOutput> TerminalLine::take(const osb::http::WebSocketMessage& message) {
  if (message.kind == Opcode::binary) return output(message.payload);
  if (message.kind == Opcode::text) told(message.payload);
  if (message.kind == Opcode::close) closed(message.close_code);
  return std::nullopt;
}

// A channel byte, for replays eight bytes of offset, and what was printed.
std::optional<TerminalOutput> TerminalLine::output(std::string_view payload) {
  char channel = payload.empty() ? 0 : payload[0];
  if (channel < 1 || channel > 3) return std::nullopt;
  payload.remove_prefix(1);
  if (channel == 3) {
    if (payload.size() < 8) return std::nullopt;
    uint64_t offset = 0;
    for (int i = 0; i < 8; i++) offset = offset << 8 | static_cast<unsigned char>(payload[i]);
    offset_ = offset;
    payload.remove_prefix(8);
  }
  offset_ += payload.size();
  if (payload.empty()) return std::nullopt;
  return TerminalOutput{std::string(payload), channel == 2};
}

void TerminalLine::told(const std::string& text) {
  Value value;
  if (osb::json::try_parse(text, value) || !value.is_object()) return;
  const Object& object = value.get_object();
  std::string type = text_of(object, "type");
  std::string code = text_of(object, "code");
  if (type == "connected") role_ = text_of(object, "role");
  if (type == "exit") exit_code_ = static_cast<int>(find_int(object, "exit_code").value_or(-1));
  if (type == "error" && (code == "START_FAILED" || code == "SESSION_GONE"))
    throw Error(ErrorCode::failed, doing() + ": " + text_of(object, "error"));
}

void TerminalLine::closed(CloseCode code) {
  ended_ = true;
  int number = static_cast<int>(code);
  if (number == 4001) throw Error(ErrorCode::conflict, doing() + ": another client took the session");
  bool good = code == CloseCode::normal || code == CloseCode::none || exit_code_;
  if (!good) throw Error(ErrorCode::unreachable, doing() + ": closed with " + std::to_string(number));
}

void TerminalLine::send(Opcode kind, std::string_view payload, const std::stop_token& stop) {
  try {
    socket_->send(kind, payload, Wait::at_most(timeout_, stop));
  } catch (const Failure& failure) {
    throw_network_error(failure, doing(), target_);
  }
}

void TerminalLine::say(const Object& message, const std::stop_token& stop) {
  send(Opcode::text, osb::json::serialize(message), stop);
}

}  // namespace opensandbox::detail
