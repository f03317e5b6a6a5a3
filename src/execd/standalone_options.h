// The command line and environment of a stand-alone daemon, in the dialect of the released one (Go): one dash
// or two,
// "-flag=v" or "-flag v", switches alone or with "=true", flags end at the first word that is none or at
// "--". Flags beat the environment.
#pragma once

#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/log.h"
#include "execd/environment.h"

namespace osb::execd {

struct StandaloneOptions {
  std::string address;  // empty: every address
  uint16_t port = 44772;
  std::string token;  // empty: none is asked for
  LogLevel log_level = LogLevel::info;
  std::vector<std::string> log_outputs = {"stderr"};  // "stdout", "stderr", paths
  std::chrono::milliseconds grace{200};               // how long requests may go on at the end
  bool wait_for_init = false;
  bool clone3_compat = false;
  std::string isolation_config;      // asked for, and without effect
  bool wrap = false;                 // run `command` as the entrypoint
  std::vector<std::string> command;  // may be empty (entrypoint.h)
  bool help = false, version = false;
  Environment environment;      // the daemon's whole environment
  std::string program_version;  // for exported metrics
};

// What was wrong with the command line; for the user, together with the usage.
struct UsageError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// `arguments` without the program's name. Throws UsageError (exit 2), or Error(invalid) for a value of
// EXECD_CLONE3_COMPAT (exit 1).
StandaloneOptions parse_standalone_options(const std::vector<std::string>& arguments,
                                           Environment environment);
extern const char* const kUsage;

// Overwrites tokens among the arguments and in the environment, which others can read in /proc.
void hide_secrets(int argc, char** argv);

}  // namespace osb::execd
