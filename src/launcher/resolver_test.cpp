#include "launcher/resolver.h"

#include <gtest/gtest.h>

namespace osb::launcher {
namespace {

TEST(ResolvConf, KeepsWhatASandboxCanReach) {
  std::vector<uint32_t> servers;
  EXPECT_EQ(
      filter_resolv_conf("# made by hand\nnameserver 127.0.0.53\nnameserver\t10.1.2.3 # lan\nnameserver ::1\n"
                         "nameserver fd00::1\nnameserver 192.0.2.1\r\nsearch a.example b.example\n"
                         "options edns0 ndots:2\nnameserverx 1.2.3.4\nnameserver\nsortlist 1.2.3.4\n"
                         "nameserver 8.8.8.8",
                         &servers),
      "nameserver 10.1.2.3\nnameserver 192.0.2.1\nsearch a.example b.example\noptions edns0 ndots:2\n"
      "nameserver 8.8.8.8\n");
  EXPECT_EQ(servers, (std::vector<uint32_t>{0x0a010203, 0xc0000201, 0x08080808}));
  EXPECT_EQ(filter_resolv_conf(""), "");
}

}  // namespace
}  // namespace osb::launcher
