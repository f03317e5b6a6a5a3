// Which addresses are this machine's own, looked up at most every few seconds.
#pragma once

#include <chrono>
#include <set>
#include <string>

#include "http/server.h"

namespace osb::server {

class HostAddresses {
 public:
  // True when the caller is on this machine and nobody stands between: such a caller reaches sandboxes
  // directly.
  bool is_direct(const http::Request& request);

 private:
  bool contains(const std::string& address);

  std::set<std::string> addresses_;
  std::chrono::steady_clock::time_point fresh_until_{};
};

}  // namespace osb::server
