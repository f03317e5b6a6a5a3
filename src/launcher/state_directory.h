// The state directory and who owns which part of it:
//
//   STATE/          0755  may hold foreign files; they are never touched
//   STATE/server/   0700  the server's own uid: database, lock
//   STATE/launcher/ 0700  root: layers, writable layers of sandboxes, log
//   STATE/run/      0755  root: launcher.sock, supervisor.lock
//   STATE/images/   0755  root, unless --images names another place
//
// All of it is opened once, by descriptor, and checked: a symbolic link, or a directory that somebody else
// owns or may write to, is refused.
#pragma once

#include <cstdint>
#include <string>

#include "base/fd.h"

namespace osb::launcher {

constexpr const char* kServerLock = "server.lock";  // in STATE/server, for as long as a server lives
constexpr const char* kLauncherLock = "lock";       // in STATE/launcher, for as long as a launcher lives

// /var/lib/opensandbox as root, else $XDG_STATE_HOME/opensandbox or ~/.local/state/opensandbox.
std::string default_state_directory();

class StateDirectory {
 public:
  // Creates what is missing (also above STATE) and opens it. Needs root. `images` empty: STATE/images.
  // Throws Error(invalid) naming the directory that is not as it must be.
  static StateDirectory open(const std::string& path, const std::string& images = {});

  // Creates and checks an image store at any place; returns its absolute path.
  static std::string open_images(const std::string& path);

  const std::string& path() const { return path_; }                // absolute, without symbolic links
  const std::string& images_path() const { return images_path_; }  // likewise
  int server() const { return server_.get(); }
  int launcher() const { return launcher_.get(); }
  int run() const { return run_.get(); }
  int images() const { return images_.get(); }

  // The unprivileged numeric uid and gid of this state directory's server: derived from the path, and kept
  // when the directory moves. 2000000000 … 2099999999.
  uint32_t server_uid() const { return server_uid_; }

  // Fails with Error(conflict) if another server works on this state directory. The lock lasts as long as the
  // descriptor.
  Fd lock_for_server() const;

 private:
  std::string path_, images_path_;
  Fd server_, launcher_, run_, images_;
  uint32_t server_uid_ = 0;
};

}  // namespace osb::launcher
