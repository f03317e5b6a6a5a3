// What sandboxes reach and what they do not. Besides the address arithmetic this drives a real launcher, with
// a network namespace that plays the world outside.
#include "launcher/network.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <sched.h>
#include <sys/wait.h>

#include "launcher/docker_chain.h"
#include "launcher/launcher_harness.h"
#include "sys/nftables.h"

namespace osb::launcher::test {
namespace {

TEST(AddressBlocks, LieInThePool) {
  EXPECT_EQ(sys::ipv4_text(block_number(0).first), "10.192.0.0");
  EXPECT_EQ(sys::ipv4_text(block_number(511).first), "10.255.224.0");
  EXPECT_EQ(sys::ipv4_text(block_number(512).first), "10.192.0.0");
}

TEST(AddressBlocks, CollideWithRoutesAndNameServers) {
  AddressBlock block{0x0ac02000, 19};  // 10.192.32.0/19
  EXPECT_EQ(collision(block, {}, {}), 0);
  std::vector<sys::Ipv4Route> routes = {{0, 0, 1}, {0x0ac04000, 19, 1}, {0xc0a80000, 16, 1}};
  EXPECT_EQ(collision(block, routes, {}), 0) << "the default route, the neighbour block, another network";
  routes.push_back({0x0a000000, 8, 1});
  EXPECT_EQ(collision(block, routes, {}), 1) << "a wider route";
  routes.push_back({0x0ac02101, 32, 1});
  EXPECT_EQ(collision(block, routes, {}), 2) << "an address inside";
  std::vector<uint32_t> server = {0x0ac03fff};
  EXPECT_EQ(collision(block, {}, server), 2);
}

// Runs in the network namespace of process `pid`, in a process of its own; true if `body` returns true.
bool in_network_of(pid_t pid, const std::function<bool()>& body) {
  pid_t child = ::fork();
  if (child == 0) {
    int ns = ::open(("/proc/" + std::to_string(pid) + "/ns/net").c_str(), O_RDONLY | O_CLOEXEC);
    if (ns < 0 || ::setns(ns, CLONE_NEWNET) != 0) ::_exit(2);
    ::_exit(body() ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return status == 0;
}

// One UDP datagram with any source address.
bool send_forged(uint32_t from, uint32_t to, uint16_t port) {
  Fd fd(::socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW));
  struct {
    iphdr ip;
    udphdr udp;
    char text[6];
  } __attribute__((packed)) packet{};
  packet.ip.version = 4;
  packet.ip.ihl = 5;
  packet.ip.ttl = 64;
  packet.ip.protocol = IPPROTO_UDP;
  packet.ip.saddr = htonl(from);
  packet.ip.daddr = htonl(to);
  packet.udp.source = htons(4000);
  packet.udp.dest = htons(port);
  packet.udp.len = htons(sizeof packet.udp + sizeof packet.text);
  memcpy(packet.text, "forged", 6);
  sockaddr_in peer{};
  peer.sin_family = AF_INET;
  peer.sin_addr.s_addr = htonl(to);
  return ::sendto(fd.get(), &packet, sizeof packet, 0, reinterpret_cast<sockaddr*>(&peer), sizeof peer) ==
         static_cast<ssize_t>(sizeof packet);
}

// A host across a link: a process in a network namespace of its own that counts datagrams by sender.
class Outside {
 public:
  static constexpr uint32_t kHere = 0xc6336401;   // 198.51.100.1
  static constexpr uint32_t kThere = 0xc6336402;  // 198.51.100.2
  static constexpr uint16_t kPort = 5353;

  Outside() : route_(NETLINK_ROUTE), name_("tst" + std::to_string(::getpid())) {
    Pipe ready = make_pipe(), go = make_pipe();
    report_ = make_pipe();
    pid_ = ::fork();
    if (pid_ == 0) live(ready, go);
    char byte;
    if (::read(ready.read.get(), &byte, 1) != 1) throw std::runtime_error("no namespace");
    sys::create_veth(route_, {name_, "eth0", pid_, 1500});
    sys::bring_up_line(route_, name_, kHere, kThere);
    (void)!::write(go.write.get(), "g", 1);
    (void)!::read(ready.read.get(), &byte, 1);
  }
  ~Outside() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    sys::delete_link(route_, name_);
  }
  pid_t pid() const { return pid_; }

  // Sender of the next datagram; 0 when none comes.
  uint32_t next_sender(int milliseconds) {
    pollfd ready{report_.read.get(), POLLIN, 0};
    uint32_t from = 0;
    if (::poll(&ready, 1, milliseconds) == 1) (void)!::read(report_.read.get(), &from, sizeof from);
    return from;
  }

 private:
  [[noreturn]] void live(Pipe& ready, Pipe& go) {
    char byte = 'r';
    if (::unshare(CLONE_NEWNET) != 0 || ::write(ready.write.get(), &byte, 1) != 1) ::_exit(1);
    if (::read(go.read.get(), &byte, 1) != 1) ::_exit(1);
    sys::NetlinkSocket route(NETLINK_ROUTE);
    sys::InnerNetworkMessages inner = sys::inner_network_messages(kThere, kHere);
    int index = static_cast<int>(::if_nametoindex("eth0"));
    for (size_t at : inner.link_offsets) memcpy(inner.messages.bytes().data() + at, &index, sizeof index);
    route.transact(inner.messages, "configuring the world outside");
    Fd fd(::socket(AF_INET, SOCK_DGRAM, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(kPort);
    if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) ::_exit(1);
    (void)!::write(ready.write.get(), &byte, 1);
    for (;;) {
      char text[64];
      sockaddr_in from{};
      socklen_t size = sizeof from;
      if (::recvfrom(fd.get(), text, sizeof text, 0, reinterpret_cast<sockaddr*>(&from), &size) < 0)
        ::_exit(1);
      uint32_t sender = ntohl(from.sin_addr.s_addr);
      (void)!::write(report_.write.get(), &sender, sizeof sender);
    }
  }

  sys::NetlinkSocket route_;
  std::string name_;
  Pipe report_;
  pid_t pid_ = -1;
};

uint32_t parse(const std::string& address) {
  in_addr raw{};
  ::inet_pton(AF_INET, address.c_str(), &raw);
  return ntohl(raw.s_addr);
}

class NetworkTest : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    machine_.emplace();
    machine_->start();
    client_.emplace(machine_->connect());
    a_ = create("a");
    b_ = create("b");
  }
  SandboxInfo create(const std::string& id) {
    ReplyBody reply = client_->call(CreateRequest{.id = id, .boot = "serve"});
    if (auto* error = std::get_if<ErrorReply>(&reply)) throw std::runtime_error(error->message);
    return std::get<SandboxReply>(reply).sandbox;
  }
  std::optional<Machine> machine_;
  std::optional<Client> client_;
  SandboxInfo a_, b_;
};

TEST_F(NetworkTest, NeighboursAndTheHostAreOutOfReach) {
  ASSERT_EQ(ask(b_.address, "read /etc/hostname"), "b\n") << "the host reaches its sandboxes";
  EXPECT_NE(ask(a_.address, "tcp " + b_.address + " 44772"), "ok");

  Fd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in any{};
  any.sin_family = AF_INET;
  ASSERT_EQ(::bind(listener.get(), reinterpret_cast<sockaddr*>(&any), sizeof any), 0);
  ASSERT_EQ(::listen(listener.get(), 8), 0);
  socklen_t size = sizeof any;
  ::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&any), &size);
  std::string port = std::to_string(ntohs(any.sin_port));
  std::string gateway = sys::ipv4_text((parse(a_.address) & ~uint32_t{0x1fff}) + 1);
  EXPECT_NE(ask(a_.address, "tcp " + gateway + " " + port), "ok")
      << "a service on 0.0.0.0, by the line's address";
  EXPECT_EQ(ask(a_.address, "tcp 127.0.0.1 44772"), "ok") << "its own loopback is up";
  sys::NetlinkSocket route(NETLINK_ROUTE);
  for (const sys::Ipv4Route& r : sys::ipv4_routes(route)) {
    bool ours = r.prefix == 32 && r.destination >> 24 != 127 && r.destination >> 24 != 10;
    if (ours) EXPECT_NE(ask(a_.address, "tcp " + sys::ipv4_text(r.destination) + " " + port), "ok");
  }
}

// Somebody of the machine who entered the network of a sandbox keeps it alive.
TEST_F(NetworkTest, ALinkThatOutlivesItsSandboxIsDeleted) {
  Fd entered(::open(("/proc/" + std::to_string(a_.pid) + "/ns/net").c_str(), O_RDONLY | O_CLOEXEC));
  ASSERT_TRUE(entered);
  auto links = [this] {
    sys::NetlinkSocket route(NETLINK_ROUTE);
    return sys::links_with_prefix(route, machine_->names().link_prefix).size();
  };
  ASSERT_EQ(links(), 2u);
  EXPECT_TRUE(std::holds_alternative<DoneReply>(client_->call(DestroyRequest{"a"})));
  EXPECT_TRUE(eventually([&] { return links() == 1; }, 20'000));
  EXPECT_TRUE(
      eventually([&] { return machine_->log().find("a link outlived its sandbox") != std::string::npos; }));
  EXPECT_EQ(ask(b_.address, "read /etc/hostname"), "b\n");
}

TEST_F(NetworkTest, OutboundTrafficTakesTheHostsAddressAndNoOther) {
  Outside outside;
  EXPECT_EQ(ask(a_.address, "udp 198.51.100.2 5353"), "ok");
  EXPECT_EQ(sys::ipv4_text(outside.next_sender(3000)), "198.51.100.1") << "masqueraded";

  auto forge = [&](uint32_t from) {
    return in_network_of(a_.pid, [&] { return send_forged(from, Outside::kThere, Outside::kPort); });
  };
  ASSERT_TRUE(forge(parse(a_.address)));
  EXPECT_NE(outside.next_sender(3000), 0u) << "its own address passes: the way of sending works";
  ASSERT_TRUE(forge(parse(b_.address)));
  EXPECT_EQ(outside.next_sender(300), 0u) << "as its neighbour";
  ASSERT_TRUE(forge(0xcb007105));
  EXPECT_EQ(outside.next_sender(300), 0u) << "as somebody else";

  // From outside, sandboxes cannot be addressed at all, even by who knows the way.
  EXPECT_FALSE(in_network_of(outside.pid(), [&] { return ask(a_.address, "fds") != "unreachable"; }));
}

// Runs `body` in a child with an empty network of its own; returns what it says, "" if all was well. For
// tests that need packet filter rules which would disturb the machine.
std::string in_own_network(const std::function<std::string()>& body) {
  Pipe words = make_pipe();
  pid_t child = ::fork();
  if (child == 0) {
    std::string said;
    try {
      if (::unshare(CLONE_NEWNET) != 0) throw std::runtime_error("unshare");
      said = body();
    } catch (const std::exception& e) {
      said = std::string("exception: ") + e.what();
    }
    (void)!::write(words.write.get(), said.data(), said.size());
    ::_exit(0);
  }
  words.write.reset();
  std::string said;
  char buffer[512];
  for (ssize_t n; (n = ::read(words.read.get(), buffer, sizeof buffer)) > 0;)
    said.append(buffer, static_cast<size_t>(n));
  int status = 0;
  ::waitpid(child, &status, 0);
  return status == 0 ? said : said + " (crashed)";
}

std::string create_in(Client& client, const std::string& id) {
  ReplyBody reply = client.call(CreateRequest{.id = id, .boot = "serve"});
  if (auto* error = std::get_if<ErrorReply>(&reply)) throw std::runtime_error(error->message);
  return std::get<SandboxReply>(reply).sandbox.address;
}

// What dockerd does to the forward chain.
void play_docker() {
  sys::NftBatch docker(NFPROTO_IPV4);
  docker.replace_table("filter");
  docker.base_chain("filter", "FORWARD", {NF_INET_FORWARD, 0, "filter", NF_DROP});
  docker.chain("filter", "DOCKER-USER");
  docker.rule("filter", "FORWARD", {sys::nft::jump("DOCKER-USER")});
  docker.rule("filter", "DOCKER-USER", {sys::nft::verdict(NFT_RETURN)});
  docker.apply();
}

std::string try_docker() {
  Outside outside;
  Machine machine;
  machine.start();
  Client client = machine.connect();
  std::string a = create_in(client, "a");
  auto passes = [&] { return ask(a, "udp 198.51.100.2 5353") == "ok" && outside.next_sender(200) != 0; };
  if (!passes()) return "no way out without Docker";
  for (int round = 0; round < 2; round++) {  // Docker comes, then starts anew
    play_docker();
    if (passes()) return "the policy of the test has no effect";
    if (!eventually(passes, 500)) return "cut off: " + machine.log();
  }
  if (::access("/usr/sbin/iptables", X_OK) == 0 &&
      ::system("/usr/sbin/iptables -S DOCKER-USER >/dev/null 2>&1") != 0)
    return "iptables does not understand the chain any more";
  auto rules = [] { return sys::nft_rules(NFPROTO_IPV4, "filter", "DOCKER-USER").size(); };
  if (rules() != 3) return "not two rules beside Docker's: " + machine.log();
  machine.stop();
  return rules() == 1 ? "" : "rules are left";
}

TEST(DockerOnTheMachine, ItsForwardPolicyDoesNotCutSandboxesOff) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  EXPECT_EQ(in_own_network(try_docker), "");
}

TEST(DockerOnTheMachine, BridgesAreLeftToDocker) {
  auto kind_of = [](uint32_t index) -> LinkKind {
    switch (index) {
      case 1:
        return {"lo"};
      case 2:
        return {"eth0"};
      case 3:
        return {"docker0", true};
      case 4:
        return {"osbabcdef-7"};
      case 5:
        return {"br-uplink", true};
      case 6:
        return {"wg0"};
    }
    return {};
  };
  std::vector<sys::Ipv4Route> routes = {{0, 0, 2},           {0xac110000, 16, 3}, {0x7f000000, 8, 1},
                                        {0x0ac02002, 32, 4}, {0x0a080000, 16, 6}, {0xc0a80000, 16, 2},
                                        {0, 0, 0},           {0xc0a90000, 16, 99}};
  EXPECT_EQ(outward_links(routes, kind_of), (std::vector<std::string>{"eth0", "wg0"}));
  routes.push_back({0, 0, 5});
  EXPECT_EQ(outward_links(routes, kind_of), (std::vector<std::string>{"br-uplink", "eth0", "wg0"}));
}

std::string try_published_port() {
  Outside outside;
  Machine machine;
  machine.start();
  Client client = machine.connect();
  std::string a = create_in(client, "a");
  if (::system("/usr/sbin/nft 'table ip published { chain p { type nat hook prerouting priority dstnat; "
               "udp dport 7777 dnat to 198.51.100.2:5353; }; }'") != 0)
    return "nft failed";
  if (ask(a, "udp 203.0.113.9 7777") != "ok" || outside.next_sender(3000) == 0)
    return "the translation of the test does not work";
  ask(a, "udp 198.51.100.1 7777");
  return outside.next_sender(500) != 0 ? "reached a published port" : "";
}

// A port of a container, published on the host's addresses by translation, never passes the host's own input.
TEST(HostPorts, AreOutOfReachEvenWhereTheHostTranslatesThem) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  ASSERT_EQ(::access("/usr/sbin/nft", X_OK), 0) << "needs nft: ./dev setup installs it";
  EXPECT_EQ(in_own_network(try_published_port), "");
}

TEST_F(NetworkTest, MetadataAddressesAreOutOfReach) {
  Outside outside;
  // The world outside answers for everything, so only the filter can be in the way.
  sys::NetlinkSocket route(NETLINK_ROUTE);
  auto routed = [&](uint32_t address, uint16_t type) {
    rtmsg header{};
    header.rtm_family = AF_INET;
    header.rtm_dst_len = 32;
    header.rtm_table = RT_TABLE_MAIN;
    header.rtm_protocol = RTPROT_STATIC;
    header.rtm_type = RTN_UNICAST;
    sys::NetlinkBuffer messages;
    messages.begin(type, NLM_F_REQUEST | NLM_F_ACK | (type == RTM_NEWROUTE ? NLM_F_CREATE : 0), header);
    messages.attr_be32(RTA_DST, address);
    messages.attr_be32(RTA_GATEWAY, Outside::kThere);
    route.transact(messages, "routing");
  };
  for (const char* address : {"169.254.169.254", "100.100.100.200", "203.0.113.9"}) {
    in_network_of(outside.pid(), [&] {  // it listens there, too
      sys::NetlinkSocket inner(NETLINK_ROUTE);
      sys::bring_up_line(inner, "lo", parse(address), parse(address));
      return true;
    });
    routed(parse(address), RTM_NEWROUTE);
    EXPECT_EQ(ask(a_.address, std::string("udp ") + address + " 5353"), "ok");
    bool arrived = outside.next_sender(500) != 0;
    EXPECT_EQ(arrived, std::string(address) == "203.0.113.9") << address;
    routed(parse(address), RTM_DELROUTE);
  }
}

}  // namespace
}  // namespace osb::launcher::test
