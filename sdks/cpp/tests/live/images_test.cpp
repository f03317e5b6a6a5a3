// Images through the server: list, upload, remove.
#include "world.h"

namespace opensandbox {
namespace {

// A tar archive with one regular file, as ustar writes it.
std::string archive_of(const std::string& name, const std::string& content) {
  std::string head(512, '\0');
  auto put = [&](size_t at, const std::string& text) { head.replace(at, text.size(), text); };
  char octal[16];
  put(0, name);
  put(100, "0000644");
  put(108, "0000000");
  put(116, "0000000");
  snprintf(octal, sizeof octal, "%011zo", content.size());
  put(124, octal);
  put(136, "00000000000");
  put(148, "        ");
  put(156, "0");
  put(257, std::string("ustar\0"
                       "00",
                       8));
  unsigned sum = 0;
  for (unsigned char c : head) sum += c;
  snprintf(octal, sizeof octal, "%06o", sum);
  put(148, octal + std::string("\0 ", 2));
  std::string padding((512 - content.size() % 512) % 512, '\0');
  return head + content + padding + std::string(1024, '\0');
}

class Images : public World {
 protected:
  void TearDown() override {
    attempt([&] { manager_.remove_image(name_); }).ok();
    World::TearDown();
  }
  static ByteSource bytes(std::string text) {
    auto rest = std::make_shared<std::string>(std::move(text));
    return [rest](std::span<char> room) {
      size_t count = std::min(room.size(), rest->size());
      rest->copy(room.data(), count);
      rest->erase(0, count);
      return count;
    };
  }
  std::optional<ImageInfo> find(const std::string& name) const {
    for (const ImageInfo& image : manager_.images())
      if (image.name == name) return image;
    return std::nullopt;
  }

  const std::string name_ = "sdk-test/deep/image:1";
  Manager manager_;
};

TEST_F(Images, UploadsListsAndRemoves) {
  std::string archive = archive_of("etc", std::string(100'000, 'x'));
  std::vector<uint64_t> seen;
  manager_.upload_image(name_, bytes(archive), archive.size(),
                        [&](uint64_t done, std::optional<uint64_t> total) {
                          seen.push_back(done);
                          EXPECT_EQ(total, archive.size());
                        });
  EXPECT_EQ(seen.back(), archive.size());
  auto image = find(name_);
  ASSERT_TRUE(image);
  EXPECT_EQ(image->size, 100'000);
  EXPECT_LT(std::chrono::system_clock::now() - *image->created_at, 5min);
  manager_.upload_image(name_, bytes(archive_of("etc", "short")), std::nullopt);  // chunked, in its place
  EXPECT_EQ(find(name_)->size, 5);
  EXPECT_TRUE(find("host"));
  EXPECT_EQ(find("opensandbox/code-interpreter:latest")->alias_of, "host");
  manager_.remove_image(name_);
  EXPECT_FALSE(find(name_));
  EXPECT_EQ(code_of([&] { manager_.remove_image(name_); }), ErrorCode::not_found);
}

TEST_F(Images, WhatIsNoArchiveIsRefusedWithTheServersWords) {
  auto result =
      attempt([&] { manager_.upload_image(name_, bytes(std::string(20'000'000, 'x')), 20'000'000); });
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().server_code(), "IMAGE::INVALID_ARCHIVE") << result.error().message();
  EXPECT_EQ(result.error().status(), 400);
  EXPECT_FALSE(find(name_));
}

TEST_F(Images, ASourceThatFailsStoresNothing) {
  std::string archive = archive_of("etc", std::string(1'000'000, 'x'));
  ByteSource source = bytes(archive.substr(0, 700'000));
  auto failing = [&](std::span<char> room) -> size_t {
    size_t count = source(room);
    if (count == 0) throw std::runtime_error("the disk is gone");
    return count;
  };
  EXPECT_THROW(manager_.upload_image(name_, failing, archive.size()), std::runtime_error);
  EXPECT_THROW(manager_.upload_image(name_, failing, std::nullopt), std::runtime_error);
  EXPECT_FALSE(find(name_));
}

}  // namespace
}  // namespace opensandbox
