// Where Docker runs, it sets the policy of the machine's forward chain to DROP, and a drop in any table is
// final: sandboxes would have no way out. Docker keeps one chain for rules of others, DOCKER-USER; this puts
// two kinds of rules there, in the form that the iptables program writes, which Docker itself uses and which
// refuses tables with anything else in them:
//
//   from our links out through a link of this machine that is no bridge     accept
//   to our links (our own table has let only answers through before)        accept
//
// Bridges are left to Docker's own rules, so that a sandbox reaches no port of a container that Docker does
// not publish. Firewalls of the operator's own have the last word as ever.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "sys/links.h"

namespace osb::launcher {

class DockerChain {
 public:
  explicit DockerChain(std::string link_prefix) : link_prefix_(std::move(link_prefix)) {}

  // Brings our rules in line with the chain (Docker may have come, gone or restarted) and with the routes,
  // which are asked for only if there is such a chain. Takes over the rules of an earlier launcher. Never
  // throws: what fails is logged, and the next call tries again.
  void refresh(const std::function<std::vector<std::string>()>& outward_links) noexcept;
  // Best effort.
  void remove() noexcept;

 private:
  std::vector<uint64_t> our_rules() const;
  void replace(const std::vector<uint64_t>& old, const std::vector<std::string>& links);

  std::string link_prefix_;
  std::vector<uint64_t> installed_;
  std::vector<std::string> links_;
  bool complained_ = false;
};

struct LinkKind {
  std::string name;  // "" if there is no such link
  bool bridge = false;
};
// Links that routes of this machine lead out through, sorted: all but loopback, links of sandboxes, and
// bridges; a bridge with a default route is one of them.
std::vector<std::string> outward_links(std::span<const sys::Ipv4Route> routes,
                                       const std::function<LinkKind(uint32_t)>& kind_of);
// For the machine we run on.
std::vector<std::string> outward_links(std::span<const sys::Ipv4Route> routes);

}  // namespace osb::launcher
