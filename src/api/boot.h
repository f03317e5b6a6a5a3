// What a runtime tells execd when it starts it inside a sandbox. The launcher passes it on as opaque bytes
// through an inherited descriptor (never through the environment, where the workload could read the token).
//
// execd as PID 1 of a native sandbox: fd 3 holds serialised BootConfig up to EOF; on fd 4 execd reports one
// of
//   "R"             ready: it accepts connections and the entrypoint was started
//   "E<text>"       the sandbox cannot start because of the request (entrypoint program missing): <text> says
//   why "F<text>"       the sandbox cannot start because of us
// and closes it. EOF without a report means that execd died.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/describe.hpp>

namespace osb::api {

constexpr int kBootConfigFd = 3;
constexpr int kBootReportFd = 4;
constexpr uint16_t kExecdPort = 44772;

struct BootConfig {
  std::string sandbox_id;
  std::string access_token;                // empty: execd asks for none
  std::vector<std::string> entrypoint;     // empty: none, execd runs until it is stopped
  std::map<std::string, std::string> env;  // the complete environment of entrypoint and commands
  std::string cwd;                         // working directory of the image; empty: "/"
  std::optional<int64_t> cpu_millis;       // limits, for /metrics
  std::optional<int64_t> memory_bytes;
  bool strip_line_terminators = false;  // old form of command texts for every client
};
BOOST_DESCRIBE_STRUCT(BootConfig, (),
                      (sandbox_id, access_token, entrypoint, env, cwd, cpu_millis, memory_bytes,
                       strip_line_terminators))

std::string serialize_boot_config(const BootConfig& config);
// Throws Error(invalid).
BootConfig parse_boot_config(std::string_view text);

}  // namespace osb::api
