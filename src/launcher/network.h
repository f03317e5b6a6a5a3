// The network of all sandboxes: one block of IPv4 addresses, and for each sandbox a routed point-to-point
// line (veth) with an address of its own. There is no bridge: a bridge ends at 1024 ports and lets neighbours
// see each other.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <vector>

#include "base/fd.h"
#include "launcher/docker_chain.h"
#include "launcher/firewall.h"
#include "launcher/naming.h"
#include "sys/links.h"

namespace osb::launcher {

class Network;

// One line. Number and address are free again when this is dropped. The link goes with the network namespace
// at its far end: the kernel takes it apart in the background and several at a time, which asking for it does
// not (15 ms for each, for which all others wait). One that is still there seconds later is deleted.
class Line {
 public:
  Line() = default;
  Line(Line&& other) noexcept { *this = std::move(other); }
  Line& operator=(Line&& other) noexcept;
  ~Line() { reset(); }

  uint32_t address() const;
  std::string address_text() const { return sys::ipv4_text(address()); }
  // Makes the link; its far end appears as eth0, down, in the network namespace of the process. Throws Error.
  void connect(pid_t pid);
  // Call it when the far end is up: from then on the first packet arrives.
  void settle() const;
  void reset();
  explicit operator bool() const { return network_ != nullptr; }

 private:
  friend class Network;
  Network* network_ = nullptr;
  unsigned number_ = 0;
  bool connected_ = false;
};

class Network {
 public:
  // Claims an address block, deletes links that an earlier launcher left, installs the packet filter and
  // switches forwarding on. `avoid` are addresses that sandboxes must be able to reach. Throws Error.
  Network(const Names& names, std::span<const uint32_t> avoid);

  // Throws Error(exhausted).
  Line take();
  uint32_t gateway() const { return block_.first + 1; }
  const AddressBlock& block() const { return block_; }
  // Follows what others do to the machine's packet filter, and deletes links that outlived their sandbox;
  // call it every few seconds. Never throws.
  void refresh();
  // Removes what is left of links, then the packet filter; for a clean end, when no line is left.
  void remove();

 private:
  friend class Line;
  struct Retired {
    unsigned number;
    std::chrono::steady_clock::time_point since;
  };
  void delete_outlived() noexcept;
  void delete_all_links();
  std::string link_name(unsigned number) const { return names_.link_prefix + std::to_string(number); }

  Names names_;
  sys::NetlinkSocket route_;
  Fd claim_;  // abstract unix socket: the kernel frees the block when the launcher ends, however it ends
  AddressBlock block_;
  DockerChain docker_;
  uint32_t mtu_ = 1500;
  std::vector<bool> taken_;
  std::deque<Retired> retired_;
  unsigned next_ = 0;
};

// Blocks are numbered 0..511 within 10.192.0.0/10.
constexpr unsigned kBlocks = 512;
AddressBlock block_number(unsigned index);
// How badly a block collides with what this host routes already: 0 not at all, 1 with a wider route than the
// block (more specific routes win, a few far addresses are lost), 2 with a route inside the block or an
// address to avoid.
int collision(const AddressBlock& block, std::span<const sys::Ipv4Route> routes,
              std::span<const uint32_t> avoid);

}  // namespace osb::launcher
