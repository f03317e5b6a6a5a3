#include "execd/client_version.h"

#include <gtest/gtest.h>

namespace osb::execd {
namespace {

TEST(ClientVersion, OldSdksWantStrippedLines) {
  for (const char* agent :
       {"OpenSandbox-Python-SDK/0.1.11", "OpenSandbox-Python-SDK/1.1.0", "OpenSandbox-JS-SDK/0.1.11",
        "OpenSandbox-Kotlin-SDK/1.0", "OpenSandbox-CSharp-SDK/0.9.9", "OpenSandbox-Go-SDK/1.1.0-beta",
        "OpenSandbox-Python-SDK/0.1.16 extra/2", "app/3 OpenSandbox-Python-SDK/0.1.2"})
    EXPECT_TRUE(wants_stripped_lines(agent)) << agent;
}

TEST(ClientVersion, EverybodyElseGetsWholeLines) {
  for (const char* agent :
       {"OpenSandbox-Python-SDK/1.1.1", "OpenSandbox-Python-SDK/1.1.1rc1", "OpenSandbox-JS-SDK/1.2.0",
        "OpenSandbox-Go-SDK/2", "OpenSandbox-Python-SDK/1.10.0", "OpenSandbox-Rust-SDK/0.1.0",
        "OpenSandbox-Python-SDK/", "OpenSandbox-Python-SDK/x", "curl/7.88.1", "",
        "OpenSandbox-Python-SDK/99999999999999999999.1"})
    EXPECT_FALSE(wants_stripped_lines(agent)) << agent;
}

}  // namespace
}  // namespace osb::execd
