// What the server needs from whatever runs sandboxes: native (this box), Docker and Kubernetes later. The
// server knows runtimes only through this file.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "api/image.h"
#include "base/clock.h"
#include "base/error.h"
#include "net/task.h"

namespace osb::runtime {

struct ResourceLimits {
  std::optional<int64_t> cpu_millis;    // ceiling, 1000 = one core
  std::optional<int64_t> memory_bytes;  // ceiling
  int64_t pids = 4096;
};

// An image as this machine has it.
struct Image {
  std::string name;  // local name: "host", "alpine:3.20"
  std::map<std::string, std::string> env;
  std::vector<std::string> entrypoint;  // of the image; may be empty
  std::string working_directory;        // may be empty
  std::string alias_of_request;         // set when the requested name was an alias: the name as requested
};

struct SandboxSpec {
  std::string id;
  Image image;  // from resolve_image()
  std::vector<std::string> entrypoint;
  std::map<std::string, std::string> env;  // of the request; the runtime adds image and base environment
  ResourceLimits limits;
  std::string access_token;
};

using api::ImageEntry;  // a name that resolve_image() knows

struct ImageUpload {
  std::string name;
  bool replace = true;     // false: conflict where the name is taken
  uint64_t max_bytes = 0;  // of content, 0 = what the disk holds
  // The next bytes of a root file system archive into the span; 0 at its end. What it throws ends the upload.
  std::function<net::task<size_t>(std::span<char>)> read;
};

enum class State { running, paused, exited };

struct Sandbox {
  std::string id;
  State state = State::running;
  std::string address;           // numeric address that this host reaches the sandbox at
  std::optional<int> exit_code;  // when exited: status of the entrypoint, 128+n when signalled
  std::string exit_reason;       // when exited: "exit status 3", "killed: out of memory", "the launcher died"
};

class Runtime {
 public:
  virtual ~Runtime() = default;

  virtual std::string_view name() const = 0;       // "native"
  virtual std::string_view isolation() const = 0;  // tier reported for its sandboxes: "namespace"

  // Waits until the runtime answers and list() is complete. Throws Error(unavailable).
  virtual net::task<> start() = 0;

  // Local image for a requested name, aliases resolved. Throws Error(not_found) that lists what there is.
  virtual Image resolve_image(const std::string& requested) = 0;

  // All names, sorted.
  virtual std::vector<ImageEntry> images() = 0;
  // The one spelling of a name that images() uses. Throws Error(invalid, wire code IMAGE::INVALID_NAME).
  virtual std::string image_name(const std::string& requested) const = 0;
  // Stores an image while its archive comes in; nothing of it is left after an error. Throws Error: invalid
  // (archive), unsupported (a container archive), conflict (reserved name: wire code IMAGE::RESERVED; taken),
  // too_large, exhausted (disk), unavailable, timeout.
  virtual net::task<ImageEntry> store_image(ImageUpload upload) = 0;
  // Throws Error: not_found, conflict while a sandbox uses it, unavailable, timeout.
  virtual net::task<> remove_image(std::string name) = 0;

  // Returns when execd accepts connections. Throws Error: invalid (entrypoint program missing), exhausted (no
  // capacity), unavailable, internal. After an error nothing of the sandbox is left.
  virtual net::task<Sandbox> create(SandboxSpec spec) = 0;
  // Kills and removes everything of it; returns when gone. An unknown id is fine.
  virtual net::task<> destroy(std::string id) = 0;
  // Throws Error(not_found, conflict).
  virtual net::task<> pause(std::string id) = 0;
  virtual net::task<> resume(std::string id) = 0;
  // Everything that this runtime holds, exited sandboxes included (until destroy()).
  virtual net::task<std::vector<Sandbox>> list() = 0;

  // Called on the loop when a sandbox ends by itself, is killed from outside, or is lost with its launcher.
  virtual void on_exit(std::function<void(const Sandbox&)> listener) = 0;
};

}  // namespace osb::runtime
