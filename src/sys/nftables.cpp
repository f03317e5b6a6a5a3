// Everything in nf_tables is big-endian except what is compared with packet or kernel data in host order
// (interface names are bytes, connection tracking states and link indices are host-order words).
#include "sys/nftables.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "base/error.h"

namespace osb::sys {

namespace {

using nft::Expression;
using Kind = Expression::Kind;

nfgenmsg header(uint8_t family, uint16_t resource = 0) { return {family, NFNETLINK_V0, htons(resource)}; }

// Writes the expressions of one rule. Values travel through register 1.
class RuleWriter {
 public:
  explicit RuleWriter(NetlinkBuffer& out) : out_(out) {}

  void write(const Expression& e) {
    switch (e.kind) {
      case Kind::link_in:
        return meta_text(NFT_META_IIFNAME, NFT_CMP_EQ, e.text);
      case Kind::link_out:
        return meta_text(NFT_META_OIFNAME, NFT_CMP_EQ, e.text);
      case Kind::not_link_out:
        return meta_text(NFT_META_OIFNAME, NFT_CMP_NEQ, e.text);
      case Kind::ipv4:
        return protocol(NFT_CMP_EQ);
      case Kind::not_ipv4:
        return protocol(NFT_CMP_NEQ);
      case Kind::source_in:
        return network(12, NFT_CMP_EQ, e);
      case Kind::source_not_in:
        return network(12, NFT_CMP_NEQ, e);
      case Kind::destination_in:
        return network(16, NFT_CMP_EQ, e);
      case Kind::to_this_host:
        return to_this_host();
      case Kind::established:
        return established();
      case Kind::spoofed:
        return spoofed();
      case Kind::verdict:
        return verdict(e.code, {});
      case Kind::jump:
        return verdict(NFT_JUMP, e.text);
      case Kind::masquerade:
        return expression("masq", [] {});
    }
  }

 private:
  template <class F>
  void expression(std::string_view name, F&& fill) {
    size_t element = out_.nest(NFTA_LIST_ELEM);
    out_.attr_text(NFTA_EXPR_NAME, name);
    size_t data = out_.nest(NFTA_EXPR_DATA);
    fill();
    out_.end(data);
    out_.end(element);
  }

  void value(uint16_t type, const void* data, size_t size) {
    size_t nest = out_.nest(type);
    out_.attr(NFTA_DATA_VALUE, data, size);
    out_.end(nest);
  }

  void compare(uint32_t op, const void* data, size_t size) {
    expression("cmp", [&] {
      out_.attr_be32(NFTA_CMP_SREG, NFT_REG_1);
      out_.attr_be32(NFTA_CMP_OP, op);
      value(NFTA_CMP_DATA, data, size);
    });
  }

  void meta(uint32_t key) {
    expression("meta", [&] {
      out_.attr_be32(NFTA_META_KEY, key);
      out_.attr_be32(NFTA_META_DREG, NFT_REG_1);
    });
  }

  // Comparing fewer bytes than a name has is what a trailing "*" means.
  void meta_text(uint32_t key, uint32_t op, std::string_view prefix) {
    meta(key);
    compare(op, prefix.data(), prefix.size());
  }

  void protocol(uint32_t op) {
    meta(NFT_META_NFPROTO);
    uint8_t family = NFPROTO_IPV4;
    compare(op, &family, sizeof family);
  }

  void masked(const void* mask, size_t size) {
    char zero[4] = {};
    expression("bitwise", [&] {
      out_.attr_be32(NFTA_BITWISE_SREG, NFT_REG_1);
      out_.attr_be32(NFTA_BITWISE_DREG, NFT_REG_1);
      out_.attr_be32(NFTA_BITWISE_LEN, static_cast<uint32_t>(size));
      value(NFTA_BITWISE_MASK, mask, size);
      value(NFTA_BITWISE_XOR, zero, size);
    });
  }

  void network(uint32_t offset, uint32_t op, const Expression& e) {
    expression("payload", [&] {
      out_.attr_be32(NFTA_PAYLOAD_DREG, NFT_REG_1);
      out_.attr_be32(NFTA_PAYLOAD_BASE, NFT_PAYLOAD_NETWORK_HEADER);
      out_.attr_be32(NFTA_PAYLOAD_OFFSET, offset);
      out_.attr_be32(NFTA_PAYLOAD_LEN, 4);
    });
    uint32_t mask = e.prefix == 0 ? 0 : ~uint32_t{0} << (32 - e.prefix);
    uint32_t wire_mask = htonl(mask);
    uint32_t wire_address = htonl(e.address & mask);
    masked(&wire_mask, sizeof wire_mask);
    compare(op, &wire_address, sizeof wire_address);
  }

  void established() {
    expression("ct", [&] {
      out_.attr_be32(NFTA_CT_DREG, NFT_REG_1);
      out_.attr_be32(NFTA_CT_KEY, NFT_CT_STATE);
    });
    uint32_t mask = NF_CT_STATE_BIT(IP_CT_ESTABLISHED) | NF_CT_STATE_BIT(IP_CT_RELATED);
    uint32_t none = 0;
    masked(&mask, sizeof mask);
    compare(NFT_CMP_NEQ, &none, sizeof none);
  }

  void spoofed() {
    expression("fib", [&] {
      out_.attr_be32(NFTA_FIB_DREG, NFT_REG_1);
      out_.attr_be32(NFTA_FIB_RESULT, NFT_FIB_RESULT_OIF);
      out_.attr_be32(NFTA_FIB_FLAGS, NFTA_FIB_F_SADDR | NFTA_FIB_F_IIF);
    });
    uint32_t no_link = 0;
    compare(NFT_CMP_EQ, &no_link, sizeof no_link);
  }

  void to_this_host() {
    expression("fib", [&] {
      out_.attr_be32(NFTA_FIB_DREG, NFT_REG_1);
      out_.attr_be32(NFTA_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
      out_.attr_be32(NFTA_FIB_FLAGS, NFTA_FIB_F_DADDR);
    });
    uint32_t local = RTN_LOCAL;
    compare(NFT_CMP_EQ, &local, sizeof local);
  }

  void verdict(int32_t code, std::string_view chain) {
    expression("immediate", [&] {
      out_.attr_be32(NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
      size_t data = out_.nest(NFTA_IMMEDIATE_DATA);
      size_t verdict = out_.nest(NFTA_DATA_VERDICT);
      out_.attr_be32(NFTA_VERDICT_CODE, static_cast<uint32_t>(code));
      if (!chain.empty()) out_.attr_text(NFTA_VERDICT_CHAIN, chain);
      out_.end(verdict);
      out_.end(data);
    });
  }

  NetlinkBuffer& out_;
};

constexpr uint16_t message_type(uint16_t type) { return NFNL_SUBSYS_NFTABLES << 8 | type; }

}  // namespace

NftBatch::NftBatch(uint8_t family) : family_(family) {
  static_assert(NFPROTO_INET == 1 && NF_ACCEPT == 1);  // the defaults in the header
  messages_.begin(NFNL_MSG_BATCH_BEGIN, NLM_F_REQUEST, header(AF_UNSPEC, NFNL_SUBSYS_NFTABLES));
  steps_.push_back("starting a batch");
}

void NftBatch::begin(uint16_t type, uint16_t flags, std::string what) {
  messages_.begin(message_type(type), NLM_F_REQUEST | NLM_F_ACK | flags, header(family_));
  steps_.push_back(std::move(what));
}

void NftBatch::replace_table(const std::string& table) {
  begin(NFT_MSG_NEWTABLE, NLM_F_CREATE, "making table " + table);
  messages_.attr_text(NFTA_TABLE_NAME, table);
  delete_table(table);
  begin(NFT_MSG_NEWTABLE, NLM_F_CREATE, "making table " + table);
  messages_.attr_text(NFTA_TABLE_NAME, table);
}

void NftBatch::delete_table(const std::string& table) {
  begin(NFT_MSG_DELTABLE, 0, "deleting table " + table);
  messages_.attr_text(NFTA_TABLE_NAME, table);
}

void NftBatch::base_chain(const std::string& table, const std::string& chain, const NftHook& hook) {
  begin(NFT_MSG_NEWCHAIN, NLM_F_CREATE, "making chain " + chain);
  messages_.attr_text(NFTA_CHAIN_TABLE, table);
  messages_.attr_text(NFTA_CHAIN_NAME, chain);
  size_t nest = messages_.nest(NFTA_CHAIN_HOOK);
  messages_.attr_be32(NFTA_HOOK_HOOKNUM, hook.hook);
  messages_.attr_be32(NFTA_HOOK_PRIORITY, static_cast<uint32_t>(hook.priority));
  messages_.end(nest);
  messages_.attr_be32(NFTA_CHAIN_POLICY, hook.policy);
  messages_.attr_text(NFTA_CHAIN_TYPE, hook.type);
}

void NftBatch::chain(const std::string& table, const std::string& chain) {
  begin(NFT_MSG_NEWCHAIN, NLM_F_CREATE, "making chain " + chain);
  messages_.attr_text(NFTA_CHAIN_TABLE, table);
  messages_.attr_text(NFTA_CHAIN_NAME, chain);
}

void NftBatch::rule(const std::string& table, const std::string& chain,
                    const std::vector<nft::Expression>& expressions) {
  add_rule(NLM_F_APPEND, table, chain, expressions);
}

void NftBatch::first_rule(const std::string& table, const std::string& chain,
                          const std::vector<nft::Expression>& expressions) {
  add_rule(0, table, chain, expressions);
}

void NftBatch::delete_rule(const std::string& table, const std::string& chain, uint64_t handle) {
  begin(NFT_MSG_DELRULE, 0, "deleting a rule of chain " + chain);
  messages_.attr_text(NFTA_RULE_TABLE, table);
  messages_.attr_text(NFTA_RULE_CHAIN, chain);
  uint64_t wire = htobe64(handle);
  messages_.attr(NFTA_RULE_HANDLE, &wire, sizeof wire);
}

void NftBatch::add_rule(uint16_t flags, const std::string& table, const std::string& chain,
                        const std::vector<nft::Expression>& expressions) {
  begin(NFT_MSG_NEWRULE, NLM_F_CREATE | flags, "adding a rule to chain " + chain);
  messages_.attr_text(NFTA_RULE_TABLE, table);
  messages_.attr_text(NFTA_RULE_CHAIN, chain);
  size_t list = messages_.nest(NFTA_RULE_EXPRESSIONS);
  RuleWriter writer(messages_);
  for (const nft::Expression& e : expressions) writer.write(e);
  messages_.end(list);
}

void NftBatch::finish() {
  if (finished_) return;
  messages_.begin(NFNL_MSG_BATCH_END, NLM_F_REQUEST, header(AF_UNSPEC, NFNL_SUBSYS_NFTABLES));
  steps_.push_back("ending a batch");
  finished_ = true;
}

std::span<char> NftBatch::bytes() {
  finish();
  return messages_.bytes();
}

void NftBatch::apply() {
  finish();
  NetlinkSocket socket(NETLINK_NETFILTER);
  NetlinkError result = socket.try_transact(messages_, true);
  if (result.error == 0) return;
  std::string step =
      result.sequence >= 1 && result.sequence <= steps_.size() ? steps_[result.sequence - 1] : "a step";
  throw system_error("changing the packet filter: " + step, result.error);
}

std::vector<std::string> nft_tables(const std::string& prefix) {
  NetlinkSocket socket(NETLINK_NETFILTER);
  NetlinkBuffer request;
  request.begin(message_type(NFT_MSG_GETTABLE), NLM_F_REQUEST | NLM_F_DUMP, header(NFPROTO_INET));
  std::vector<std::string> names;
  socket.dump(request, [&](uint16_t, std::span<const char> payload) {
    if (payload.size() < sizeof(nfgenmsg)) return;
    for_each_attr(payload.subspan(sizeof(nfgenmsg)), [&](uint16_t type, std::span<const char> value) {
      if (type != NFTA_TABLE_NAME || value.empty()) return;
      std::string name(value.data(), strnlen(value.data(), value.size()));
      if (name.starts_with(prefix)) names.push_back(std::move(name));
    });
  });
  return names;
}

bool nft_chain_exists(uint8_t family, const std::string& table, const std::string& chain) {
  NetlinkSocket socket(NETLINK_NETFILTER);
  NetlinkBuffer request;
  request.begin(message_type(NFT_MSG_GETCHAIN), NLM_F_REQUEST | NLM_F_ACK, header(family));
  request.attr_text(NFTA_CHAIN_TABLE, table);
  request.attr_text(NFTA_CHAIN_NAME, chain);
  NetlinkError result = socket.try_transact(request);
  if (result.error == 0) return true;
  if (result.error == ENOENT) return false;
  throw system_error("looking for chain " + chain + " of the packet filter", result.error);
}

std::vector<NftRule> nft_rules(uint8_t family, const std::string& table, const std::string& chain) {
  NetlinkSocket socket(NETLINK_NETFILTER);
  NetlinkBuffer request;
  request.begin(message_type(NFT_MSG_GETRULE), NLM_F_REQUEST | NLM_F_DUMP, header(family));
  request.attr_text(NFTA_RULE_TABLE, table);
  request.attr_text(NFTA_RULE_CHAIN, chain);
  std::vector<NftRule> rules;
  socket.dump(request, [&](uint16_t, std::span<const char> payload) {
    if (payload.size() < sizeof(nfgenmsg)) return;
    NftRule rule;
    for_each_attr(payload.subspan(sizeof(nfgenmsg)), [&](uint16_t type, std::span<const char> value) {
      if (type == NFTA_RULE_EXPRESSIONS) rule.expressions.assign(value.data(), value.size());
      if (type != NFTA_RULE_HANDLE || value.size() != sizeof rule.handle) return;
      memcpy(&rule.handle, value.data(), sizeof rule.handle);
      rule.handle = be64toh(rule.handle);
    });
    rules.push_back(std::move(rule));
  });
  return rules;
}

}  // namespace osb::sys
