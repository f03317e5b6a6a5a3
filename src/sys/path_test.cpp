#include "sys/path.h"

#include <errno.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>

namespace osb::sys {
namespace {

class Path : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/osb-path-XXXXXX";
    ASSERT_TRUE(::mkdtemp(name));
    dir_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(dir_); }
  void link(const std::string& text, const std::string& name) {
    ASSERT_EQ(::symlink(text.c_str(), (dir_ + "/" + name).c_str()), 0);
  }
  // Where a write lands, relative to the test's directory.
  std::string target(const std::string& name) {
    auto place = locate_target(dir_ + "/" + name);
    if (!place) return std::string("errno ") + ::strerrorname_np(errno);
    char self[64], text[4096];
    snprintf(self, sizeof self, "/proc/self/fd/%d", place->parent.get());
    ssize_t n = ::readlink(self, text, sizeof text);
    std::string parent(text, n > 0 ? static_cast<size_t>(n) : 0);
    EXPECT_TRUE(parent.starts_with(dir_)) << parent;
    return parent.substr(dir_.size()) + "/" + place->name;
  }
  std::string dir_;
};

TEST_F(Path, Cleaning) {
  EXPECT_EQ(clean_path("/a//b/./c/../d/"), "/a/b/d");
  EXPECT_EQ(clean_path("/../.."), "/");
  EXPECT_EQ(clean_path("/"), "/");
  EXPECT_EQ(clean_path(""), ".");
  EXPECT_EQ(clean_path("a/.."), ".");
  EXPECT_EQ(clean_path("../../a/../b"), "../../b");
  EXPECT_EQ(clean_path("/..a/...b"), "/..a/...b");
}

TEST_F(Path, BaseName) {
  EXPECT_EQ(base_name("/a/b"), "b");
  EXPECT_EQ(base_name("/a/b//"), "b");
  EXPECT_EQ(base_name("b"), "b");
  EXPECT_EQ(base_name("/"), "/");
}

TEST_F(Path, OpensWithoutMagicLinks) {
  EXPECT_TRUE(open_at(AT_FDCWD, "/proc/self", O_PATH));
  EXPECT_FALSE(open_at(AT_FDCWD, "/proc/self/exe", O_RDONLY));
  EXPECT_EQ(errno, ELOOP);
  EXPECT_FALSE(open_at(AT_FDCWD, "/proc/self/root/etc", O_PATH));
  EXPECT_EQ(errno, ELOOP);
  EXPECT_FALSE(open_at(AT_FDCWD, std::string("/tmp\0x", 6), O_PATH));
  EXPECT_EQ(errno, EINVAL);
}

TEST_F(Path, LocatesTheParent) {
  auto place = locate(dir_ + "/new");
  ASSERT_TRUE(place);
  EXPECT_EQ(place->name, "new");
  EXPECT_FALSE(locate(dir_ + "/none/new"));
  EXPECT_EQ(errno, ENOENT);
  place = locate("/");
  ASSERT_TRUE(place);
  EXPECT_EQ(place->name, ".");
}

TEST_F(Path, FollowsLinksToWhereAWriteLands) {
  ASSERT_TRUE(make_directories(dir_ + "/sub/deep", 0755));
  link("sub/x", "relative");
  link(dir_ + "/sub/y", "absolute");
  link("../relative", "sub/chain");
  link("none/x", "broken");
  link("loop", "loop");
  link("/proc/self/exe", "magic");
  link("sub/deep/..", "up");
  link("sub//deep/", "slashes");
  EXPECT_EQ(target("plain"), "/plain");
  EXPECT_EQ(target("relative"), "/sub/x");
  EXPECT_EQ(target("absolute"), "/sub/y");
  EXPECT_EQ(target("sub/chain"), "/sub/x");
  EXPECT_EQ(target("broken"), "errno ENOENT");
  EXPECT_EQ(target("loop"), "errno ELOOP");
  EXPECT_EQ(target("magic"), "errno ELOOP");
  EXPECT_EQ(target("up"), "/sub/.");
  EXPECT_EQ(target("slashes"), "/sub/deep");
}

TEST_F(Path, MakesDirectories) {
  bool made = false;
  EXPECT_TRUE(make_directories(dir_ + "/a/b/c", 0750, &made));
  EXPECT_TRUE(made);
  struct stat st{};
  ASSERT_EQ(::stat((dir_ + "/a/b/c").c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 07777, 0750u);
  EXPECT_TRUE(make_directories(dir_ + "/a/b", 0700, &made));
  EXPECT_FALSE(made);
  link("nowhere", "dangling");
  EXPECT_FALSE(make_directories(dir_ + "/dangling/x", 0755));
  EXPECT_FALSE(make_directories("/proc/version/x", 0755));
  EXPECT_EQ(errno, ENOTDIR);
}

TEST_F(Path, ChangesTheModeOfAnOPathDescriptor) {
  Fd fd = make_directories(dir_ + "/d", 0755);
  ASSERT_EQ(change_mode(fd.get(), 0711), 0);
  struct stat st{};
  ASSERT_EQ(::fstat(fd.get(), &st), 0);
  EXPECT_EQ(st.st_mode & 07777, 0711u);
}

TEST_F(Path, KnowsMountPoints) {
  EXPECT_TRUE(is_mount_point(AT_FDCWD, "/proc"));
  EXPECT_TRUE(is_mount_point(AT_FDCWD, "/"));
  EXPECT_FALSE(is_mount_point(AT_FDCWD, dir_.c_str()));
  EXPECT_FALSE(is_mount_point(AT_FDCWD, "/none"));
}

TEST_F(Path, HiddenNamesFit) {
  EXPECT_EQ(hidden_sibling("a.txt").substr(0, 7), ".a.txt.");
  EXPECT_NE(hidden_sibling("a"), hidden_sibling("a"));
  EXPECT_LE(hidden_sibling(std::string(255, 'x')).size(), 255u);
}

TEST_F(Path, LinksPlantedInStickyDirectoriesAreNotFollowed) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs another user's link";
  std::filesystem::create_directory(dir_ + "/open");
  ASSERT_EQ(::chmod((dir_ + "/open").c_str(), 01777), 0);
  link("../own", "open/own");
  link("../planted", "open/planted");
  ASSERT_EQ(::lchown((dir_ + "/open/planted").c_str(), 1000, 1000), 0);
  EXPECT_EQ(target("open/own"), "/own");
  EXPECT_EQ(target("open/planted"), "errno EACCES");
  ASSERT_EQ(::chmod((dir_ + "/open").c_str(), 0777), 0);
  EXPECT_EQ(target("open/planted"), "/planted");
}

}  // namespace
}  // namespace osb::sys
