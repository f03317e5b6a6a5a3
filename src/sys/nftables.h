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
// Connection tracking knows the packet as an answer or as related to a known connection.
inline Expression established() { return {Expression::Kind::established}; }
// No route to the source address through the link that the packet came in by.
inline Expression spoofed() { return {Expression::Kind::spoofed}; }
inline Expression verdict(int32_t code) { return {Expression::Kind::verdict, {}, 0, 0, code}; }
inline Expression jump(std::string chain) { return {Expression::Kind::jump, std::move(chain)}; }
inline Expression masquerade() { return {Expression::Kind::masquerade}; }

}  // namespace nft

// Changes to tables of family inet.
class NftBatch {
 public:
  NftBatch();

  // An empty table of that name, whatever was in it before.
  void replace_table(const std::string& table);
  void delete_table(const std::string& table);
  void base_chain(const std::string& table, const std::string& chain, const NftHook& hook);  // policy accept
  void chain(const std::string& table, const std::string& chain);
  void rule(const std::string& table, const std::string& chain,
            const std::vector<nft::Expression>& expressions);

  // Throws Error naming the step that the kernel refused.
  void apply();
  // The bytes that apply() sends.
  std::span<char> bytes();

 private:
  void begin(uint16_t type, uint16_t flags, std::string what);
  void finish();

  NetlinkBuffer messages_;
  std::vector<std::string> steps_;  // what message number i does
  bool finished_ = false;
};

// Names of all tables of family inet that start with `prefix`.
std::vector<std::string> nft_tables(const std::string& prefix);

}  // namespace osb::sys
