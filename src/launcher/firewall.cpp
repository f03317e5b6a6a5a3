// Default deny, read from the sandbox's side:
//   to this host             nothing but answers to connections that the host opened; what the host
//                            forwards from its own addresses (ports published by Docker) counts as its own
//   to another sandbox       nothing, of whatever launcher
//   to link-local addresses  nothing (cloud metadata lives there), nor to the metadata address of one
//   provider to anywhere else         IPv4 with its own source address, behind the address of the host
// From outside, sandboxes are reached through the host only. A drop is final over all tables of the machine,
// while an accept here leaves the last word to the others.
#include "launcher/firewall.h"

#include <linux/netfilter.h>

#include "base/error.h"
#include "base/log.h"
#include "sys/nftables.h"

namespace osb::launcher {

namespace {
constexpr uint32_t kLinkLocal = 0xa9fe0000;       // 169.254.0.0/16
constexpr uint32_t kSharedMetadata = 0x646464c8;  // 100.100.100.200
constexpr int32_t kBeforeTracking = -300;
constexpr int32_t kBeforeTranslation = -110;  // after connection tracking
constexpr int32_t kBeforeFilters = -10;
constexpr int32_t kSourceNat = 100;
}  // namespace

void install_firewall(const Names& names, const AddressBlock& block) {
  using namespace sys::nft;
  const std::string& table = names.table;
  const std::string family(kLinkFamily);
  auto from_us = [&] { return link_in(names.link_prefix); };
  auto to_us = [&] { return link_out(names.link_prefix); };
  auto drop = [] { return verdict(NF_DROP); };
  auto accept = [] { return verdict(NF_ACCEPT); };

  sys::NftBatch batch;
  batch.replace_table(table);

  batch.base_chain(table, "spoofed", {NF_INET_PRE_ROUTING, kBeforeTracking, "filter"});
  batch.rule(table, "spoofed", {from_us(), not_ipv4(), drop()});
  batch.rule(table, "spoofed", {from_us(), spoofed(), drop()});
  batch.rule(table, "spoofed", {from_us(), ipv4(), source_not_in(block.first, block.prefix), drop()});

  batch.base_chain(table, "to_host_translated", {NF_INET_PRE_ROUTING, kBeforeTranslation, "filter"});
  batch.rule(table, "to_host_translated", {from_us(), established(), accept()});
  batch.rule(table, "to_host_translated", {from_us(), to_this_host(), drop()});

  batch.base_chain(table, "to_host", {NF_INET_LOCAL_IN, kBeforeFilters, "filter"});
  batch.rule(table, "to_host", {from_us(), established(), accept()});
  batch.rule(table, "to_host", {from_us(), drop()});

  batch.base_chain(table, "through", {NF_INET_FORWARD, kBeforeFilters, "filter"});
  batch.rule(table, "through", {link_in(family), link_out(family), drop()});
  batch.rule(table, "through", {to_us(), established(), accept()});
  batch.rule(table, "through", {to_us(), drop()});
  batch.rule(table, "through", {from_us(), ipv4(), destination_in(kLinkLocal, 16), drop()});
  batch.rule(table, "through", {from_us(), ipv4(), destination_in(kSharedMetadata, 32), drop()});
  // Addresses of sandboxes that are gone would leave through the default route.
  batch.rule(table, "through", {from_us(), ipv4(), destination_in(block.first, block.prefix), drop()});

  batch.base_chain(table, "outbound", {NF_INET_POST_ROUTING, kSourceNat, "nat"});
  batch.rule(table, "outbound",
             {ipv4(), source_in(block.first, block.prefix), not_link_out(family), masquerade()});
  batch.apply();
}

void remove_firewall(const Names& names) {
  try {
    sys::NftBatch batch;
    batch.delete_table(names.table);
    batch.apply();
  } catch (const Error& e) {
    log_warn("packet filter rules stay behind", {{"table", names.table}, {"error", e.message()}});
  }
}

}  // namespace osb::launcher
