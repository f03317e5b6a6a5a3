#include "launcher/naming.h"

#include <gtest/gtest.h>
#include <net/if.h>

#include "base/error.h"

namespace osb::launcher {
namespace {

TEST(Names, DeriveFromTheStateDirectory) {
  Names a = names_for("/var/lib/opensandbox");
  EXPECT_EQ(a.tag.size(), 6u);
  EXPECT_EQ(a.tag, names_for("/var/lib/opensandbox").tag)
      << "a restarted launcher finds its predecessor's things";
  EXPECT_NE(a.tag, names_for("/var/lib/opensandbox2").tag);
  EXPECT_LT((a.link_prefix + "8190").size(), size_t{IFNAMSIZ});
  EXPECT_TRUE(a.link_prefix.starts_with(kLinkFamily));
}

TEST(SandboxId, IsSafeAsAName) {
  EXPECT_NO_THROW(check_sandbox_id("0b7c2a4e-5d1f-4a57-9a53-6f0d8f3f3f11"));
  for (const char* id : {"", "-a", "A", "a/b", "..", "a b", "a\n"})
    EXPECT_THROW(check_sandbox_id(id), Error) << id;
  EXPECT_THROW(check_sandbox_id(std::string(65, 'a')), Error);
}

}  // namespace
}  // namespace osb::launcher
