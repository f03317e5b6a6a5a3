#include "execd/files/tree_removal.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace osb::execd {
namespace {

// Only constructed: if the guard were gone, nothing would happen here but a red test.
TEST(TreeRemoval, RefusesTheRootAndMountPoints) {
  for (const char* path : {"/", "/proc"}) {
    auto place = sys::locate(path);
    ASSERT_TRUE(place);
    try {
      TreeRemoval removal(std::move(*place), path);
      ADD_FAILURE() << path;
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ErrorCode::invalid);
    }
  }
}

}  // namespace
}  // namespace osb::execd
