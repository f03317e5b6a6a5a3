#include "execd/files/upload_block.h"

#include <gtest/gtest.h>

#include <optional>
#include <utility>

namespace osb::execd {
namespace {

size_t capacity_of(UploadBlock& block) { return block.bytes().size() + block.room().size(); }

struct Blocks {
  UploadBlock first{UploadBlock::kSmall}, second{UploadBlock::kSmall};
  LargeUploads::Token token;

  // One more block that arrives filled by `percent`; the capacity of the one after it.
  size_t after(size_t percent, LargeUploads& large) {
    first.committed(first.room().size() * percent / 100);
    second.follow(first, large, token);
    std::swap(first, second);
    EXPECT_TRUE(first.bytes().empty());
    return capacity_of(first);
  }
};

TEST(UploadBlock, GrowsWhileTheClientIsAhead) {
  LargeUploads large;
  Blocks blocks;
  EXPECT_EQ(blocks.after(100, large), UploadBlock::kMedium);
  EXPECT_EQ(blocks.after(99, large), UploadBlock::kLarge);
  EXPECT_EQ(blocks.after(100, large), UploadBlock::kLarge);
}

TEST(UploadBlock, StaysModestForASlowClient) {
  LargeUploads large;
  Blocks blocks;
  for (int i = 0; i < 10; i++) EXPECT_EQ(blocks.after(60, large), UploadBlock::kMedium);
  EXPECT_EQ(blocks.token, nullptr);
}

TEST(UploadBlock, OnlySoManyUploadsHaveLargeOnes) {
  LargeUploads large(2);
  std::optional<Blocks> a(std::in_place), b(std::in_place), c(std::in_place);
  for (int i = 0; i < 3; i++) {
    for (auto* blocks : {&a, &b, &c}) (*blocks)->after(100, large);
  }
  EXPECT_EQ(capacity_of(a->first), UploadBlock::kLarge);
  EXPECT_EQ(capacity_of(b->first), UploadBlock::kLarge);
  EXPECT_EQ(capacity_of(c->first), UploadBlock::kMedium);
  a->token.reset();
  EXPECT_EQ(c->after(100, large), UploadBlock::kMedium) << "the blocks themselves still hold the memory";
  a.reset();
  EXPECT_EQ(c->after(100, large), UploadBlock::kLarge);
}

}  // namespace
}  // namespace osb::execd
