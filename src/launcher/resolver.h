// The resolv.conf of sandboxes: the host's own, without what a sandbox cannot reach.
#pragma once

#include <cstdint>
#include <ctime>
#include <string>
#include <string_view>
#include <vector>

namespace osb::launcher {

// Keeps search, options and IPv4 name servers; drops loopback name servers (the host's services are out of
// reach) and IPv6 ones (sandboxes have no IPv6 address). `name_servers` gets the host-order addresses that
// are left.
std::string filter_resolv_conf(std::string_view text, std::vector<uint32_t>* name_servers = nullptr);

// Follows the host's file; behind a local stub of systemd-resolved, the file with the real servers.
class Resolver {
 public:
  // The current text. Logs a warning when a new version leaves no name server.
  const std::string& text();
  const std::vector<uint32_t>& name_servers() {
    text();
    return name_servers_;
  }

 private:
  std::string text_;
  std::vector<uint32_t> name_servers_;
  timespec seen_{-1, 0};
};

}  // namespace osb::launcher
