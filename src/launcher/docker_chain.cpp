#include "launcher/docker_chain.h"

#include <linux/netfilter.h>
#include <net/if.h>
#include <unistd.h>

#include <algorithm>
#include <set>
#include <utility>

#include "base/error.h"
#include "base/log.h"
#include "launcher/naming.h"
#include "sys/nftables.h"

namespace osb::launcher {

namespace {
constexpr const char* kTable = "filter";
constexpr const char* kChain = "DOCKER-USER";
}  // namespace

std::vector<std::string> outward_links(std::span<const sys::Ipv4Route> routes,
                                       const std::function<LinkKind(uint32_t)>& kind_of) {
  std::set<std::string> names;
  for (const sys::Ipv4Route& route : routes) {
    if (route.link == 0) continue;
    LinkKind link = kind_of(route.link);
    if (link.name.empty() || link.name == "lo" || link.name.starts_with(kLinkFamily)) continue;
    if (!link.bridge || route.prefix == 0) names.insert(link.name);
  }
  return {names.begin(), names.end()};
}

std::vector<std::string> outward_links(std::span<const sys::Ipv4Route> routes) {
  return outward_links(routes, [](uint32_t index) -> LinkKind {
    char name[IF_NAMESIZE];
    if (!::if_indextoname(index, name)) return {};
    std::string bridge = std::string("/sys/class/net/") + name + "/bridge";
    return {name, ::access(bridge.c_str(), F_OK) == 0};
  });
}

std::vector<uint64_t> DockerChain::our_rules() const {
  std::vector<uint64_t> handles;
  for (const sys::NftRule& rule : sys::nft_rules(NFPROTO_IPV4, kTable, kChain))
    if (rule.expressions.find(link_prefix_) != rule.expressions.npos) handles.push_back(rule.handle);
  return handles;
}

void DockerChain::replace(const std::vector<uint64_t>& old, const std::vector<std::string>& links) {
  using namespace sys::nft;
  sys::NftBatch batch(NFPROTO_IPV4);
  for (uint64_t handle : old) batch.delete_rule(kTable, kChain, handle);
  for (const std::string& link : links)
    batch.first_rule(kTable, kChain, {link_in(link_prefix_), link_out(exactly(link)), verdict(NF_ACCEPT)});
  batch.first_rule(kTable, kChain, {link_out(link_prefix_), verdict(NF_ACCEPT)});
  batch.apply();
}

void DockerChain::refresh(const std::function<std::vector<std::string>()>& outward_links) noexcept {
  try {
    if (!sys::nft_chain_exists(NFPROTO_IPV4, kTable, kChain)) {
      installed_.clear();
      return;
    }
    std::vector<uint64_t> there = our_rules();
    std::vector<std::string> links = outward_links();
    if (!there.empty() && there == installed_ && links == links_) return;
    replace(there, links);
    installed_ = our_rules();
    links_ = std::move(links);
    complained_ = false;
    log_info("sandboxes pass Docker's forward policy: rules are in its chain DOCKER-USER",
             {{"rules", installed_.size()}});
  } catch (const std::exception& e) {
    if (!std::exchange(complained_, true))
      log_warn("sandboxes may have no way out: Docker's forward policy cannot be passed",
               {{"error", e.what()}});
  }
}

void DockerChain::remove() noexcept {
  try {
    if (!sys::nft_chain_exists(NFPROTO_IPV4, kTable, kChain)) return;
    sys::NftBatch batch(NFPROTO_IPV4);
    std::vector<uint64_t> ours = our_rules();
    for (uint64_t handle : ours) batch.delete_rule(kTable, kChain, handle);
    if (!ours.empty()) batch.apply();
  } catch (const std::exception& e) {
    log_warn("rules stay behind in chain DOCKER-USER", {{"error", e.what()}});
  }
}

}  // namespace osb::launcher
