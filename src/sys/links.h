// Network links, addresses and routes: the rtnetlink verbs that sandboxes need. IPv4 addresses are host-order
// numbers here.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "sys/netlink.h"

namespace osb::sys {

struct VethSpec {
  std::string name;       // of the end that stays here
  std::string peer_name;  // of the end in the network namespace of process peer_pid
  pid_t peer_pid = 0;
  uint32_t mtu = 1500;
};
// Makes the pair, both ends down. Throws Error: "exists" is reported as ErrorCode::conflict.
void create_veth(NetlinkSocket& route, const VethSpec& spec);

// Brings a link up as one end of a point-to-point line without IPv6 addresses: `local`/32 here, `remote`/32
// there.
void bring_up_line(NetlinkSocket& route, const std::string& name, uint32_t local, uint32_t remote);

// The kernel notices that a line has got its other end, and lets packets into it, by work that it puts off:
// what is sent before is dropped, and the sender tries again after a second. This has the kernel do that work
// now. Best effort; kernels that do not know this just answer.
void settle_link(const std::string& name);

// True if there was such a link.
bool delete_link(NetlinkSocket& route, const std::string& name);
std::vector<std::string> links_with_prefix(NetlinkSocket& route, const std::string& prefix);

struct Ipv4Route {
  uint32_t destination = 0;
  uint8_t prefix = 0;
  uint32_t link = 0;  // index, 0 if the route names none
};
// Every IPv4 route of every table, addresses of this host included.
std::vector<Ipv4Route> ipv4_routes(NetlinkSocket& route);
// MTU of the link that the default route uses; 1500 if there is none.
uint32_t default_route_mtu(NetlinkSocket& route);

// Messages that configure the network from inside a new namespace, made before fork and sent after it. The
// index of the link is not known yet: patch it (an int) into each of `link_offsets`.
struct InnerNetworkMessages {
  NetlinkBuffer messages;
  std::vector<size_t> link_offsets;
};
InnerNetworkMessages inner_network_messages(uint32_t local, uint32_t gateway);

std::string ipv4_text(uint32_t address);

}  // namespace osb::sys
