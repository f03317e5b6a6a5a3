// The daemon without a sandbox around it: options from the command line, the rest from its own environment.
#pragma once

#include <cstdint>
#include <string>

namespace osb::execd {

struct StandaloneOptions {
  std::string address;  // empty: every address
  uint16_t port = 44772;
  std::string token;  // empty: EXECD_ACCESS_TOKEN, or none
};

// Runs until SIGTERM or SIGINT; the exit code of the process.
int run_standalone(StandaloneOptions options);

}  // namespace osb::execd
