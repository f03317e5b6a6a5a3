#include "sys/nftables.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/netfilter.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "base/error.h"

namespace osb::sys {
namespace {

bool contains(std::span<char> bytes, std::string_view text) {
  return std::string_view(bytes.data(), bytes.size()).find(text) != std::string_view::npos;
}

void fill(NftBatch& batch, const std::string& table) {
  batch.replace_table(table);
  batch.base_chain(table, "input", {NF_INET_LOCAL_IN, -10, "filter"});
  batch.chain(table, "inner");
  batch.rule(table, "input", {nft::link_in("osbtest-"), nft::established(), nft::verdict(NF_ACCEPT)});
  batch.rule(table, "input", {nft::link_in("osbtest-"), nft::jump("inner")});
  batch.rule(table, "inner", {nft::ipv4(), nft::source_not_in(0x0ac00000, 19), nft::verdict(NF_DROP)});
  batch.base_chain(table, "prerouting", {NF_INET_PRE_ROUTING, -300, "filter"});
  batch.rule(table, "prerouting", {nft::spoofed(), nft::verdict(NF_DROP)});
  batch.base_chain(table, "postrouting", {NF_INET_POST_ROUTING, 100, "nat"});
  batch.rule(table, "postrouting",
             {nft::ipv4(), nft::source_in(0x0ac00000, 19), nft::not_link_out("osb"), nft::masquerade()});
}

TEST(NftBatch, NamesArePrefixesWithoutTheirNul) {
  NftBatch batch;
  fill(batch, "opensandbox_unit");
  std::span<char> bytes = batch.bytes();
  EXPECT_EQ(bytes.size() % 4, 0u);
  EXPECT_TRUE(contains(bytes, std::string_view("opensandbox_unit\0", 17)));
  // Attribute length 12 = header 4 + "osbtest-" 8: no NUL is compared, so that "osbtest-7" matches.
  EXPECT_TRUE(contains(bytes, std::string_view("\x0c\0\x01\0osbtest-", 12)));
  EXPECT_TRUE(contains(bytes, std::string_view("\xff\xff\xe0\x00", 4))) << "mask of a /19";
}

// In a network namespace of its own, so that nothing of the machine is touched.
TEST(NftBatch, TheKernelTakesEveryExpression) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  pid_t child = ::fork();
  if (child == 0) {
    if (::unshare(CLONE_NEWNET) != 0) ::_exit(2);
    try {
      NftBatch first;
      fill(first, "opensandbox_unit");
      first.apply();
      NftBatch again;  // replacing an existing table
      fill(again, "opensandbox_unit");
      again.apply();
      if (nft_tables("opensandbox_") != std::vector<std::string>{"opensandbox_unit"}) ::_exit(3);
      NftBatch remove;
      remove.delete_table("opensandbox_unit");
      remove.apply();
      if (!nft_tables("opensandbox_").empty()) ::_exit(4);
      NftBatch missing;
      missing.rule("opensandbox_none", "input", {nft::verdict(NF_DROP)});
      try {
        missing.apply();
      } catch (const Error& e) {
        ::_exit(e.message().find("chain input") != std::string::npos ? 0 : 5);
      }
      ::_exit(6);
    } catch (const std::exception& e) {
      dprintf(2, "%s\n", e.what());
      ::_exit(1);
    }
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace osb::sys
