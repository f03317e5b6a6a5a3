// Packet filter rules over the nf_tables netlink protocol, without the nft program. A batch is applied
// completely or not at all. Expressions are little values that are put together into rules:
//
//   NftBatch batch;
//   batch.replace_table("opensandbox_x");
//   batch.base_chain("opensandbox_x", "input", {NF_INET_LOCAL_IN, -10, "filter"});
//   batch.rule("opensandbox_x", "input", {nft::link_in("osbx-"), nft::verdict(NF_DROP)});
//   batch.apply();
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sys/netlink.h"

namespace osb::sys {

struct NftHook {
  uint32_t hook = 0;  // NF_INET_*
  int32_t priority = 0;
  std::string_view type = "filter";  // or "nat"
  uint32_t policy = 1;               // NF_ACCEPT; 0 is NF_DROP
};

namespace nft {

// One or more kernel expressions: a match or a verdict.
struct Expression {
  enum class Kind {
    link_in,
    link_out,
    not_link_out,
    ipv4,
    not_ipv4,
    source_in,
    source_not_in,
    destination_in,
    to_this_host,
    established,
    spoofed,
    verdict,
    jump,
    masquerade
  };
  Kind kind;
  std::string text;      // link name prefix, chain
  uint32_t address = 0;  // host order
  uint8_t prefix = 0;
  int32_t code = 0;
};

// The packet came in / goes out through a link whose name starts with `prefix`.
inline Expression link_in(std::string prefix) { return {Expression::Kind::link_in, std::move(prefix)}; }
inline Expression link_out(std::string prefix) { return {Expression::Kind::link_out, std::move(prefix)}; }
inline Expression not_link_out(std::string prefix) {
  return {Expression::Kind::not_link_out, std::move(prefix)};
}
// Instead of a prefix: the whole name and its end.
inline std::string exactly(std::string name) { return std::move(name) + '\0'; }
inline Expression ipv4() { return {Expression::Kind::ipv4}; }
inline Expression not_ipv4() { return {Expression::Kind::not_ipv4}; }
// The next three look at bytes of an IPv4 header: put ipv4() before them.
inline Expression source_in(uint32_t address, uint8_t prefix) {
  return {Expression::Kind::source_in, {}, address, prefix};
}
inline Expression source_not_in(uint32_t address, uint8_t prefix) {
  return {Expression::Kind::source_not_in, {}, address, prefix};
}
inline Expression destination_in(uint32_t address, uint8_t prefix) {
  return {Expression::Kind::destination_in, {}, address, prefix};
}
// The destination is an address of this machine.
inline Expression to_this_host() { return {Expression::Kind::to_this_host}; }
// Connection tracking knows the packet as an answer or as related to a known connection.
inline Expression established() { return {Expression::Kind::established}; }
// No route to the source address through the link that the packet came in by.
inline Expression spoofed() { return {Expression::Kind::spoofed}; }
inline Expression verdict(int32_t code) { return {Expression::Kind::verdict, {}, 0, 0, code}; }
inline Expression jump(std::string chain) { return {Expression::Kind::jump, std::move(chain)}; }
inline Expression masquerade() { return {Expression::Kind::masquerade}; }

}  // namespace nft

// Changes to tables of one family: inet, which is for ours, or that of somebody else's table.
class NftBatch {
 public:
  explicit NftBatch(uint8_t family = 1 /* NFPROTO_INET */);

  // An empty table of that name, whatever was in it before.
  void replace_table(const std::string& table);
  void delete_table(const std::string& table);
  void base_chain(const std::string& table, const std::string& chain, const NftHook& hook);
  void chain(const std::string& table, const std::string& chain);
  void rule(const std::string& table, const std::string& chain,
            const std::vector<nft::Expression>& expressions);
  // The same in front of all rules that the chain has now.
  void first_rule(const std::string& table, const std::string& chain,
                  const std::vector<nft::Expression>& expressions);
  void delete_rule(const std::string& table, const std::string& chain, uint64_t handle);

  // Throws Error naming the step that the kernel refused.
  void apply();
  // The bytes that apply() sends.
  std::span<char> bytes();

 private:
  void begin(uint16_t type, uint16_t flags, std::string what);
  void add_rule(uint16_t flags, const std::string& table, const std::string& chain,
                const std::vector<nft::Expression>& expressions);
  void finish();

  uint8_t family_;
  NetlinkBuffer messages_;
  std::vector<std::string> steps_;  // what message number i does
  bool finished_ = false;
};

// Names of all tables of family inet that start with `prefix`.
std::vector<std::string> nft_tables(const std::string& prefix);

// A chain of any table: whether it is there, and its rules in order. Throw Error.
bool nft_chain_exists(uint8_t family, const std::string& table, const std::string& chain);
struct NftRule {
  uint64_t handle = 0;
  std::string expressions;  // as the kernel encodes them: link names can be found in it
};
std::vector<NftRule> nft_rules(uint8_t family, const std::string& table, const std::string& chain);

}  // namespace osb::sys
