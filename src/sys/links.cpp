// The traps: IFLA_AF_SPEC is looked at after the flags of the same message, so the address mode has to be set
// in a message of its own before the link comes up; and a veth made with one queue costs far less than the
// default of one per possible CPU.
#include "sys/links.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <linux/veth.h>
#include <net/if.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/error.h"
#include "sys/text_file.h"

namespace osb::sys {

namespace {
constexpr uint16_t kRequest = NLM_F_REQUEST;
constexpr uint16_t kRequestAck = NLM_F_REQUEST | NLM_F_ACK;

void no_ipv6_addresses(NetlinkBuffer& messages) {
  size_t families = messages.nest(IFLA_AF_SPEC);
  size_t inet6 = messages.nest(AF_INET6);
  messages.attr_u8(IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
  messages.end(inet6);
  messages.end(families);
}

ifinfomsg link_header(int index, bool up = false) {
  ifinfomsg header{};
  header.ifi_family = AF_UNSPEC;
  header.ifi_index = index;
  if (up) header.ifi_flags = header.ifi_change = IFF_UP;
  return header;
}

void add_line_address(NetlinkBuffer& messages, int index, uint32_t local, uint32_t remote, uint16_t flags) {
  ifaddrmsg header{};
  header.ifa_family = AF_INET;
  header.ifa_prefixlen = 32;
  header.ifa_scope = RT_SCOPE_UNIVERSE;
  header.ifa_index = static_cast<uint32_t>(index);
  messages.begin(RTM_NEWADDR, flags | NLM_F_CREATE | NLM_F_EXCL, header);
  messages.attr_be32(IFA_LOCAL, local);
  messages.attr_be32(IFA_ADDRESS, remote);
}
}  // namespace

void create_veth(NetlinkSocket& route, const VethSpec& spec) {
  NetlinkBuffer messages;
  messages.begin(RTM_NEWLINK, kRequestAck | NLM_F_CREATE | NLM_F_EXCL, link_header(0));
  messages.attr_text(IFLA_IFNAME, spec.name);
  messages.attr_u32(IFLA_MTU, spec.mtu);
  messages.attr_u32(IFLA_NUM_TX_QUEUES, 1);
  messages.attr_u32(IFLA_NUM_RX_QUEUES, 1);
  size_t info = messages.nest(IFLA_LINKINFO);
  messages.attr_text(IFLA_INFO_KIND, "veth");
  size_t data = messages.nest(IFLA_INFO_DATA);
  size_t peer = messages.nest(VETH_INFO_PEER);
  ifinfomsg peer_header = link_header(0);
  messages.raw(&peer_header, sizeof peer_header);
  messages.attr_text(IFLA_IFNAME, spec.peer_name);
  messages.attr_u32(IFLA_MTU, spec.mtu);
  messages.attr_u32(IFLA_NUM_TX_QUEUES, 1);
  messages.attr_u32(IFLA_NUM_RX_QUEUES, 1);
  messages.attr_u32(IFLA_NET_NS_PID, static_cast<uint32_t>(spec.peer_pid));
  messages.end(peer);
  messages.end(data);
  messages.end(info);
  NetlinkError result = route.try_transact(messages);
  if (result.error == EEXIST)
    throw Error(ErrorCode::conflict, "making link " + spec.name + ": the name is taken");
  if (result.error != 0) throw system_error("making link " + spec.name, result.error);
}

void bring_up_line(NetlinkSocket& route, const std::string& name, uint32_t local, uint32_t remote) {
  unsigned index = ::if_nametoindex(name.c_str());
  if (index == 0) throw system_error("looking for link " + name);
  NetlinkBuffer messages;
  messages.begin(RTM_SETLINK, kRequest, link_header(static_cast<int>(index)));
  no_ipv6_addresses(messages);
  add_line_address(messages, static_cast<int>(index), local, remote, kRequest);
  messages.begin(RTM_SETLINK, kRequestAck, link_header(static_cast<int>(index), true));
  route.transact(messages, "configuring link " + name);
}

InnerNetworkMessages inner_network_messages(uint32_t local, uint32_t gateway) {
  constexpr int kLoopback = 1;  // in every new network namespace
  InnerNetworkMessages result;
  NetlinkBuffer& messages = result.messages;
  messages.begin(RTM_SETLINK, kRequest, link_header(kLoopback, true));
  messages.begin(RTM_SETLINK, kRequest, link_header(0));
  result.link_offsets.push_back(messages.header_offset() + offsetof(ifinfomsg, ifi_index));
  no_ipv6_addresses(messages);
  messages.begin(RTM_SETLINK, kRequest, link_header(0, true));
  result.link_offsets.push_back(messages.header_offset() + offsetof(ifinfomsg, ifi_index));
  add_line_address(messages, 0, local, gateway, kRequest);
  result.link_offsets.push_back(messages.header_offset() + offsetof(ifaddrmsg, ifa_index));

  rtmsg header{};
  header.rtm_family = AF_INET;
  header.rtm_table = RT_TABLE_MAIN;
  header.rtm_protocol = RTPROT_BOOT;
  header.rtm_scope = RT_SCOPE_UNIVERSE;
  header.rtm_type = RTN_UNICAST;
  messages.begin(RTM_NEWROUTE, kRequestAck | NLM_F_CREATE, header);
  messages.attr_be32(RTA_GATEWAY, gateway);
  messages.bytes();  // finishes the last message
  return result;
}

void settle_link(const std::string& name) {
  Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ethtool_value value{};
  value.cmd = ETHTOOL_GLINK;
  ifreq request{};
  name.copy(request.ifr_name, sizeof request.ifr_name - 1);
  request.ifr_data = reinterpret_cast<char*>(&value);
  if (socket) ::ioctl(socket.get(), SIOCETHTOOL, &request);
}

bool delete_link(NetlinkSocket& route, const std::string& name) {
  NetlinkBuffer messages;
  messages.begin(RTM_DELLINK, kRequestAck, link_header(0));
  messages.attr_text(IFLA_IFNAME, name);
  NetlinkError result = route.try_transact(messages);
  if (result.error == ENODEV) return false;
  if (result.error != 0) throw system_error("deleting link " + name, result.error);
  return true;
}

std::vector<std::string> links_with_prefix(NetlinkSocket& route, const std::string& prefix) {
  NetlinkBuffer request;
  request.begin(RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP, link_header(0));
  std::vector<std::string> names;
  route.dump(request, [&](uint16_t type, std::span<const char> payload) {
    if (type != RTM_NEWLINK || payload.size() < sizeof(ifinfomsg)) return;
    for_each_attr(payload.subspan(NLMSG_ALIGN(sizeof(ifinfomsg))),
                  [&](uint16_t attr, std::span<const char> value) {
                    if (attr != IFLA_IFNAME || value.empty()) return;
                    std::string name(value.data(), strnlen(value.data(), value.size()));
                    if (name.starts_with(prefix)) names.push_back(std::move(name));
                  });
  });
  return names;
}

std::vector<Ipv4Route> ipv4_routes(NetlinkSocket& route) {
  rtmsg header{};
  header.rtm_family = AF_INET;
  NetlinkBuffer request;
  request.begin(RTM_GETROUTE, NLM_F_REQUEST | NLM_F_DUMP, header);
  std::vector<Ipv4Route> routes;
  route.dump(request, [&](uint16_t type, std::span<const char> payload) {
    rtmsg head;
    if (type != RTM_NEWROUTE || payload.size() < sizeof head) return;
    memcpy(&head, payload.data(), sizeof head);
    Ipv4Route found{0, head.rtm_dst_len, 0};
    for_each_attr(payload.subspan(NLMSG_ALIGN(sizeof head)), [&](uint16_t attr, std::span<const char> value) {
      uint32_t number;
      if (value.size() != sizeof number) return;
      memcpy(&number, value.data(), sizeof number);
      if (attr == RTA_DST) found.destination = ntohl(number);
      if (attr == RTA_OIF) found.link = number;
    });
    routes.push_back(found);
  });
  return routes;
}

uint32_t default_route_mtu(NetlinkSocket& route) {
  for (const Ipv4Route& found : ipv4_routes(route)) {
    char name[IF_NAMESIZE];
    if (found.prefix != 0 || found.link == 0 || !::if_indextoname(found.link, name)) continue;
    auto text = try_read_text(AT_FDCWD, std::string("/sys/class/net/") + name + "/mtu", 32);
    if (text && atoi(text->c_str()) >= 576) return static_cast<uint32_t>(atoi(text->c_str()));
  }
  return 1500;
}

std::string ipv4_text(uint32_t address) {
  in_addr raw{htonl(address)};
  char text[INET_ADDRSTRLEN];
  return ::inet_ntop(AF_INET, &raw, text, sizeof text);
}

}  // namespace osb::sys
