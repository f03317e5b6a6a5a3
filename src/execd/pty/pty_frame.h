// What goes over a terminal's WebSocket, as bytes. specs/pty.md describes it for writers of clients.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "http/websocket_frame.h"
#include "sys/terminal.h"

namespace osb::execd {

enum class PtyMode { pty, pipe };
enum class PtyRole { holder, viewer };
// First byte of a binary frame with output.
enum class Output : char { out = 1, err = 2 };

// Binary frames of the daemon.
std::string output_frame(Output kind, std::string_view bytes);
std::string replay_frame(uint64_t offset, std::string_view bytes);
// Text frames of the daemon.
std::string connected_frame(std::string_view session, PtyMode mode, PtyRole role);
std::string pong_frame();
std::string exit_frame(int exit_code);
std::string error_frame(std::string_view message, std::string_view code);

// A frame of a client.
struct ClientFrame {
  enum class Kind { input, end_of_input, resize, signal, ping, unknown };
  Kind kind = Kind::unknown;
  std::string data;        // of input; the type of an unknown one
  sys::TerminalSize size;  // of resize
  int signal = 0;
};
// nullopt for what is passed over in silence: other binary frames, malformed JSON, sizes and signals that
// there are not.
std::optional<ClientFrame> parse_client_frame(http::WebSocketMessage message);

}  // namespace osb::execd
