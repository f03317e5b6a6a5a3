// What the server was told: flags beat the file, two environment variables beat or complete both. Plain data
// after load_config(); nothing here changes while the server runs.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "base/log.h"

namespace osb::server {

struct ServerConfig {
  // Numeric address ("localhost" is read as 127.0.0.1).
  std::string listen_host = "127.0.0.1";
  uint16_t listen_port = 8080;
  std::string api_key;  // empty: every caller is let in
  std::string eip;      // public "host[:port][/path]" for proxied endpoints; empty: what the caller used
  std::optional<int64_t> max_sandbox_timeout_seconds;  // limits create only
  size_t limit_concurrency = 1024;                     // requests at a time; 0: no limit
  std::chrono::seconds keep_alive{90};
  LogLevel log_level = LogLevel::info;
  bool insecure_acknowledged = false;  // OPENSANDBOX_INSECURE_SERVER=YES

  // [native], read for whoever builds the runtime.
  std::string images_dir;                       // empty: STATE/images
  std::map<std::string, std::string> aliases;   // image name → local image
  int64_t max_image_bytes = int64_t{16} << 30;  // of an uploaded image: its archive, and its content
  std::optional<int64_t> max_memory_bytes;      // for all sandboxes together
  size_t prepared_sandboxes = 128;              // made ahead at most, as demand asks for them; 0: none
  bool strip_line_terminators = false;
  bool access_token = true;  // execd of new sandboxes asks for one, which endpoints hand to clients

  std::string config_file;  // file that was read; empty: none
};

struct ConfigSources {
  std::string
      config_file;  // --config; must exist. Empty: $SANDBOX_CONFIG_PATH, else ~/.sandbox.toml if it is there
  std::optional<std::string> listen_host;  // --listen
  std::optional<uint16_t> listen_port;
  std::string images_dir;                                                        // --images
  std::function<std::optional<std::string>(const char* name)> environment = {};  // default: getenv
};

// Throws Error(invalid) that names the file and the key, also for settings whose feature is not built yet and
// that would be unsafe to ignore.
ServerConfig load_config(const ConfigSources& sources);

// "HOST:PORT", ":PORT", "HOST", "[::1]:8080" into the sources. Throws Error(invalid).
void parse_listen(const std::string& text, ConfigSources& into);

bool is_loopback_address(const std::string& host);

// Refuses a server that others can reach and that asks for no key. Throws Error(invalid) with what to do.
void check_exposure(const ServerConfig& config);

}  // namespace osb::server
