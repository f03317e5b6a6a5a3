// Numbers are handed out round robin, so that an address rests as long as possible between two owners:
// connection tracking and peers outside may remember the former one.
#include "launcher/network.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <utility>

#include "base/error.h"
#include "base/log.h"
#include "sys/text_file.h"

namespace osb::launcher {

namespace {

constexpr uint32_t kPool = 0x0ac00000;  // 10.192.0.0/10
constexpr unsigned kPerBlock = 1u << (32 - 19);
constexpr auto kKernelTime = std::chrono::seconds(3);  // for a namespace to come apart
constexpr unsigned kFirstNumber = 2;                   // .0 is the block, .1 the gateway

uint32_t mask_of(uint8_t prefix) { return prefix == 0 ? 0 : ~uint32_t{0} << (32 - prefix); }

// Holds the block for as long as the descriptor lives; none if somebody else holds it.
Fd claim(unsigned index) {
  Fd fd(check(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), "claiming an address block"));
  std::string name = "opensandbox-range-" + std::to_string(index);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  memcpy(address.sun_path + 1, name.data(), name.size());
  socklen_t size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), size) == 0) return fd;
  if (errno == EADDRINUSE) return {};
  throw system_error("claiming an address block");
}

void enable_forwarding() {
  constexpr const char* kFile = "/proc/sys/net/ipv4/ip_forward";
  if (sys::try_read_text(AT_FDCWD, kFile, 16).value_or("").starts_with("1")) return;
  sys::write_text(AT_FDCWD, kFile, "1");
  log_info("switched on net.ipv4.ip_forward: sandboxes reach the network through this host");
}

}  // namespace

AddressBlock block_number(unsigned index) { return {kPool + index % kBlocks * kPerBlock, 19}; }

int collision(const AddressBlock& block, std::span<const sys::Ipv4Route> routes,
              std::span<const uint32_t> avoid) {
  int worst = 0;
  for (uint32_t address : avoid)
    if ((address & mask_of(block.prefix)) == block.first) worst = 2;
  for (const sys::Ipv4Route& route : routes) {
    if (route.prefix == 0) continue;
    uint32_t common = mask_of(std::min(route.prefix, block.prefix));
    if ((route.destination & common) == (block.first & common))
      worst = std::max(worst, route.prefix < block.prefix ? 1 : 2);
  }
  return worst;
}

Network::Network(const Names& names, std::span<const uint32_t> avoid)
    : names_(names), route_(NETLINK_ROUTE), docker_(names.link_prefix) {
  delete_all_links();
  std::vector<sys::Ipv4Route> routes = sys::ipv4_routes(route_);
  for (int bearable = 0; bearable <= 1 && !claim_; bearable++) {
    for (unsigned i = 0; i < kBlocks && !claim_; i++) {
      block_ = block_number(static_cast<unsigned>(names_.hash % kBlocks) + i);
      if (collision(block_, routes, avoid) > bearable) continue;
      claim_ = claim((block_.first - kPool) / kPerBlock);
    }
    if (claim_ && bearable)
      log_warn("the sandboxes' address block lies within a route of this host",
               {{"block", sys::ipv4_text(block_.first) + "/19"}});
  }
  if (!claim_)
    throw Error(ErrorCode::exhausted, "choosing an address block: every /19 of 10.192.0.0/10 is in use");

  mtu_ = std::min(1500u, sys::default_route_mtu(route_));
  taken_.resize(kPerBlock - 1);
  next_ = kFirstNumber;
  install_firewall(names_, block_);
  enable_forwarding();
  refresh();
}

void Network::delete_all_links() {
  for (const std::string& left : sys::links_with_prefix(route_, names_.link_prefix))
    sys::delete_link(route_, left);
}

// A number that is taken again has a new link of that name.
void Network::delete_outlived() noexcept {
  auto before = std::chrono::steady_clock::now() - kKernelTime;
  for (; !retired_.empty() && retired_.front().since < before; retired_.pop_front()) {
    std::string name = link_name(retired_.front().number);
    if (taken_[retired_.front().number] || ::if_nametoindex(name.c_str()) == 0) continue;
    try {
      sys::delete_link(route_, name);
      log_warn("a link outlived its sandbox", {{"link", name}});
    } catch (const Error& e) {
      log_warn("a link stays behind", {{"link", name}, {"error", e.message()}});
    }
  }
}

void Network::refresh() {
  delete_outlived();
  docker_.refresh([this] { return outward_links(sys::ipv4_routes(route_)); });
}

void Network::remove() {
  try {
    delete_all_links();  // before the filter: nobody who entered a network is to have a way out without it
  } catch (const Error& e) {
    log_warn("links stay behind", {{"error", e.message()}});
  }
  docker_.remove();
  remove_firewall(names_);
}

Line Network::take() {
  for (unsigned tries = 0; tries < taken_.size(); tries++) {
    unsigned number = next_++;
    if (next_ >= taken_.size()) next_ = kFirstNumber;
    // A link whose namespace the kernel has not finished with keeps its name.
    if (taken_[number] || ::if_nametoindex(link_name(number).c_str()) != 0) continue;
    taken_[number] = true;
    Line line;
    line.network_ = this;
    line.number_ = number;
    return line;
  }
  throw Error(ErrorCode::exhausted, "choosing an address: all of the block are taken");
}

Line& Line::operator=(Line&& other) noexcept {
  if (this != &other) {
    reset();
    network_ = std::exchange(other.network_, nullptr);
    number_ = other.number_;
    connected_ = std::exchange(other.connected_, false);
  }
  return *this;
}

uint32_t Line::address() const { return network_->block_.first + number_; }

void Line::settle() const {
  if (connected_) sys::settle_link(network_->link_name(number_));
}

void Line::connect(pid_t pid) {
  std::string name = network_->link_name(number_);
  sys::create_veth(network_->route_, {name, "eth0", pid, network_->mtu_});
  connected_ = true;
  sys::bring_up_line(network_->route_, name, network_->gateway(), address());
}

void Line::reset() {
  if (!network_) return;
  if (std::exchange(connected_, false))
    network_->retired_.push_back({number_, std::chrono::steady_clock::now()});
  network_->taken_[number_] = false;
  network_ = nullptr;
}

}  // namespace osb::launcher
