#include "execd/identity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace osb::execd {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::string_view kUsers =
    "root:x:0:0:root:/root:/bin/sh\nbroken\nx:x:nan:5:::\nana:x:1000:1001:Ana:/home/ana:/bin/sh\n";
constexpr std::string_view kGroups =
    "root:x:0:\nwheel:x:10:bo,ana\nanas:x:11:anabel\naudio:x:29:ana\nbad:x:no:ana";

TEST(Identity, KnowsPrimaryAndSupplementaryGroups) {
  Identity ana = identity_of(1000, kUsers, kGroups);
  EXPECT_EQ(ana.gid, 1001u);
  EXPECT_THAT(ana.groups, ElementsAre(10, 29));
  EXPECT_EQ(ana.home, "/home/ana");
  EXPECT_EQ(identity_of(0, kUsers, kGroups).gid, 0u);
}

TEST(Identity, AUidWithoutAccountDoesNotGetTheGroupOfRoot) {
  Identity nobody_knows = identity_of(4242, kUsers, kGroups);
  EXPECT_EQ(nobody_knows.gid, 4242u);
  EXPECT_THAT(nobody_knows.groups, IsEmpty());
  EXPECT_EQ(nobody_knows.home, "");
  EXPECT_EQ(identity_of(7, std::string("/nonexistent")).gid, 7u);
}

TEST(Identity, TheIdThatMeansUnchangedIsNobodys) {
  Identity odd = identity_of(8, "odd:x:8:4294967295:::\n", "all:x:4294967295:odd\nsome:x:9:odd\n");
  EXPECT_EQ(odd.gid, 8u);
  EXPECT_THAT(odd.groups, IsEmpty());
}

}  // namespace
}  // namespace osb::execd
