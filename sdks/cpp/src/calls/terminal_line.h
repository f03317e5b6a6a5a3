// What a Terminal does on its WebSocket.
#pragma once

#include <opensandbox/terminal.h>

#include <atomic>
#include <memory>
#include <string>

#include "base/json.h"
#include "transport/websocket.h"

namespace opensandbox::detail {

class TerminalLine {
 public:
  TerminalLine(std::string session_id, Target target, std::unique_ptr<WebSocket> socket, Milliseconds timeout)
      : session_id_(std::move(session_id)),
        target_(std::move(target)),
        socket_(std::move(socket)),
        timeout_(timeout) {}
  ~TerminalLine();

  std::optional<TerminalOutput> read(Milliseconds timeout, const std::stop_token& stop);
  void send(osb::http::Opcode kind, std::string_view payload, const std::stop_token& stop);
  void say(const osb::json::Object& message, const std::stop_token& stop);

  const std::string& session_id() const { return session_id_; }
  bool ended() const { return ended_; }
  std::optional<int> exit_code() const { return exit_code_; }
  uint64_t offset() const { return offset_; }
  const std::string& role() const { return role_; }

 private:
  std::optional<TerminalOutput> take(const osb::http::WebSocketMessage& message);
  std::optional<TerminalOutput> output(std::string_view payload);
  void told(const std::string& text);
  void closed(osb::http::CloseCode code);
  std::string doing() const { return "terminal " + session_id_; }

  std::string session_id_;
  Target target_;
  std::unique_ptr<WebSocket> socket_;
  Milliseconds timeout_;  // of a write
  std::atomic<bool> ended_ = false;
  std::optional<int> exit_code_;
  std::atomic<uint64_t> offset_ = 0;
  std::string role_;
};

}  // namespace opensandbox::detail
