#include "execd/files/accounts.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

namespace osb::execd {
namespace {

constexpr std::string_view kPasswd =
    "root:x:0:0:root:/root:/bin/bash\n"
    "\n"
    "# comment:x:9:9::/:\n"
    "broken line\n"
    "toor:x:0:0::/root:/bin/sh\n"
    "bad:x:12x:1::/:\n"
    "huge:x:4294967296:1::/:\n"
    "unchanged:x:4294967295:1::/:\n"
    "app:x:1000:1000::/home/app:/bin/sh\n"
    "7:x:1007:1::/:/bin/sh\n"
    "last:x:1001:1";  // no newline, too few fields behind the id
constexpr std::string_view kGroup = "root:x:0:\nwww:x:33:app,root\nnogroup:x:65534:";

TEST(Accounts, FindsNamesThenNumbers) {
  Accounts accounts(kPasswd, kGroup);
  EXPECT_EQ(accounts.uid_of("root"), 0u);
  EXPECT_EQ(accounts.uid_of("app"), 1000u);
  EXPECT_EQ(accounts.uid_of("last"), 1001u);
  EXPECT_EQ(accounts.uid_of("1234"), 1234u);
  EXPECT_EQ(accounts.uid_of("7"), 1007u);  // a name that looks like a number is a name
  EXPECT_EQ(accounts.gid_of("www"), 33u);
  EXPECT_EQ(accounts.gid_of("nogroup"), 65534u);
}

TEST(Accounts, UnknownIsNothing) {
  Accounts accounts(kPasswd, kGroup);
  for (std::string_view bad : {"nobody-here", "", "-1", "1 ", "0x1", "4294967295", "4294967296", "bad",
                               "huge", "unchanged", "# comment"})
    EXPECT_FALSE(accounts.uid_of(bad)) << bad;
}

TEST(Accounts, NamesOfIds) {
  Accounts accounts(kPasswd, kGroup);
  EXPECT_EQ(accounts.user_name(0), "root");  // the first of two
  EXPECT_EQ(accounts.user_name(1000), "app");
  EXPECT_EQ(accounts.user_name(4242), "4242");
  EXPECT_EQ(accounts.group_name(33), "www");
  EXPECT_EQ(accounts.group_name(34), "34");
}

TEST(Accounts, AFifoInPlaceOfPasswdDoesNotBlock) {
  std::string path = testing::TempDir() + "accounts_fifo";
  ::unlink(path.c_str());
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  Accounts accounts = Accounts::load(path, "/nonexistent");
  ::unlink(path.c_str());
  EXPECT_EQ(accounts.user_name(0), "0");
}

}  // namespace
}  // namespace osb::execd
