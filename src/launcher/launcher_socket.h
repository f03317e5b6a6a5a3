// The client's end of the launcher socket, without any loop: connecting, and whole packets in and out.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/fd.h"
#include "base/result.h"

namespace osb::launcher {

constexpr const char* kLauncherSocket = "launcher.sock";

// Connects to `launcher.sock` in the directory of this descriptor (O_PATH is enough; the directory itself
// need not be reachable by path any more) and checks that a process of `owner` listens. Non-blocking
// descriptor. Error(unavailable) when nobody listens or somebody else does.
Result<Fd> connect_launcher(int run_directory, uint32_t owner = 0);

// Sends one packet. False when the socket is full: try again later. Throws Error(unavailable).
bool send_packet(int socket, const std::string& packet);

// The next packet; nullopt when none is there yet. Throws Error: unavailable at the end of the connection,
// invalid when the packet is larger than any of ours.
std::optional<std::string> receive_packet(int socket);

// Whether the descriptor gets readable within the limit.
bool wait_readable(int fd, int milliseconds);

}  // namespace osb::launcher
