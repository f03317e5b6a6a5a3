// The launcher: the small privileged process that makes sandboxes. It is single-threaded, speaks protocol.h
// over one unix socket and nothing else, and its sandboxes die with it.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace osb::launcher {

struct LauncherOptions {
  std::string
      state_dir;  // absolute; the launcher owns STATE/launcher (0700 root) and creates what it needs there
  std::string images_dir;   // absolute; images live in <images_dir>/<name>/rootfs
  uint32_t server_uid = 0;  // peer that may connect besides root
  std::string socket_path;  // SOCK_SEQPACKET listener, 0600, owned by server_uid
  std::string guest_dir;    // read-only layer with opt/opensandbox/execd and what else every sandbox has
  std::string host_dir;     // read-only skeleton of the image "host": /etc allow-list, directories, links
  int64_t max_memory_bytes = 0;  // configured ceiling over what all sandboxes use together, 0 = none
  size_t max_slots = 0;          // sandboxes of the image "host" made ahead at most, 0 = none (slots.h)
  // Called every few seconds; makes sure that somebody would start the next launcher. May throw Error.
  std::function<void()> keep_supervised = [] {};
};

// Runs until nothing is left to do (no client and no sandbox for three seconds, ten after the start, sixty
// where a client may still want to read how a sandbox ended) or
// SIGTERM or SIGINT (then the sandboxes are killed first), and returns the exit status of the process: 0 in
// these cases, 1 when it cannot work here (the log says why).
int run_launcher(const LauncherOptions& options);

}  // namespace osb::launcher
