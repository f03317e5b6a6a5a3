// The steps on the way to an address, one by one, so that it can be said which one fails.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "base/fd.h"

namespace osb::cli {

struct HostPort {
  std::string host;  // without brackets
  std::string port;
  bool secure = false;
  std::string path;  // "/v1" of "host:1/v1"
};

// Of "host", "host:port", "[::1]:port", each with a scheme in front and a path behind, if any. `secure` says
// what counts without a scheme; the port is that of the scheme if none is named.
HostPort split_address(const std::string& address, bool secure);

// Addresses as numbers, the first one first. Throws Problem.
std::vector<std::string> look_up(const HostPort& at);
// A connection. Throws Problem with the reason of the last address that was tried.
Fd connect_to(const HostPort& at, std::chrono::milliseconds limit);
// Body of the answer to a GET over http; throws Problem. At most 64 KiB of it are read.
std::string fetch(const HostPort& at, const std::string& path, std::chrono::milliseconds limit);

}  // namespace osb::cli
