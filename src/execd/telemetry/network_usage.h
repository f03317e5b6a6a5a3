// Traffic and connections of our network namespace, from /proc/net.
#pragma once

#include <cstdint>
#include <string_view>

namespace osb::execd {

struct Traffic {
  int64_t in_bytes = 0;
  int64_t out_bytes = 0;
};
// Sum over all interfaces but loopback, from the text of /proc/net/dev.
Traffic parse_traffic(std::string_view proc_net_dev);

// Lines of a text of /proc/net/{tcp,udp}… in that state ("01": established); empty: all of them.
int64_t count_sockets(std::string_view text, std::string_view state);

struct NetworkUsage {
  Traffic traffic;
  int64_t tcp = 0;  // established connections, counted up to what fits into 1 MiB of /proc
  int64_t udp = 0;
};
NetworkUsage read_network_usage();

}  // namespace osb::execd
