#include "sys/tree.h"

#include <gtest/gtest.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/error.h"

namespace osb::sys {
namespace {

class Tree : public testing::Test {
 protected:
  Tree() {
    char path[] = "/tmp/osb-tree-XXXXXX";
    if (!::mkdtemp(path)) throw system_error("creating a test directory");
    path_ = path;
    dir_ = Fd(::open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }
  ~Tree() override {
    dir_.reset();
    Fd tmp(::open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    remove_tree(tmp.get(), path_.substr(5));
    EXPECT_NE(::access(path_.c_str(), F_OK), 0);
  }
  int dir() const { return dir_.get(); }
  std::string path_;
  Fd dir_;
};

TEST_F(Tree, WritesReadsAndReplaces) {
  write_new_file(dir(), "a", "one", 0640);
  EXPECT_EQ(read_file(dir(), "a", 10), "one");
  EXPECT_THROW(write_new_file(dir(), "a", "two", 0640), Error);
  replace_file(dir(), "a", "three", 0604);
  EXPECT_EQ(read_file(dir(), "a", 5), "three");
  EXPECT_THROW(read_file(dir(), "a", 4), Error);
  struct stat st{};
  ASSERT_EQ(::fstatat(dir(), "a", &st, 0), 0);
  EXPECT_EQ(st.st_mode & 07777, 0604u);
  EXPECT_EQ(list_directory(dir()), std::vector<std::string>{"a"});
}

TEST_F(Tree, SymbolicLinksAreNotFollowed) {
  ASSERT_EQ(::symlinkat("/etc", dir(), "out"), 0);
  EXPECT_THROW(open_beneath(dir(), "out/passwd", O_RDONLY), Error);
  EXPECT_THROW(open_beneath(dir(), "out", O_RDONLY), Error);
  EXPECT_THROW(open_beneath(dir(), "../etc", O_RDONLY), Error);
  EXPECT_THROW(open_beneath(dir(), "/etc/passwd", O_RDONLY), Error);
  EXPECT_THROW(make_directories(dir(), "out/new"), Error);
}

TEST_F(Tree, SpreadsSubdirectoriesWhereTheFileSystemCan) {
  int before = 0, after = 0;
  bool has_flags = ::ioctl(dir(), FS_IOC_GETFLAGS, &before) == 0;
  if (!spread_subdirectories(dir())) {
    struct statfs info{};
    ASSERT_EQ(::fstatfs(dir(), &info), 0);
    EXPECT_NE(info.f_type, EXT4_SUPER_MAGIC) << "there it works";
    return;
  }
  ASSERT_TRUE(has_flags);
  ASSERT_EQ(::ioctl(dir(), FS_IOC_GETFLAGS, &after), 0);
  EXPECT_EQ(after & FS_TOPDIR_FL, FS_TOPDIR_FL);
  EXPECT_EQ(after & ~FS_TOPDIR_FL, before & ~FS_TOPDIR_FL) << "and nothing else";
}

TEST_F(Tree, RemovalStaysInside) {
  make_directories(dir(), "keep");
  write_new_file(dir(), "keep/file", "x", 0600);
  make_directories(dir(), "gone/a/b");
  ASSERT_EQ(::symlinkat("../keep", dir(), "gone/link"), 0);
  ASSERT_EQ(::symlinkat((path_ + "/keep").c_str(), dir(), "gone/a/absolute"), 0);
  remove_tree(dir(), "gone");
  remove_tree(dir(), "gone");  // a second time is fine
  EXPECT_EQ(list_directory(dir()), std::vector<std::string>{"keep"});
  EXPECT_EQ(read_file(dir(), "keep/file", 10), "x");
}

TEST_F(Tree, RemovalGoesAnyDepth) {
  Fd at(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  for (int i = 0; i < 3000; ++i) {
    ASSERT_EQ(::mkdirat(at.get(), "deep", 0700), 0);
    at = Fd(::openat(at.get(), "deep", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }
  at.reset();
  remove_tree(dir(), "deep");
  EXPECT_TRUE(list_directory(dir()).empty());
}

TEST_F(Tree, LocksExclude) {
  write_new_file(dir(), "lock", "", 0644);
  Fd one = open_beneath(dir(), "lock", O_RDONLY), two = open_beneath(dir(), "lock", O_RDONLY);
  EXPECT_TRUE(lock_file(one.get(), Lock::shared, false));
  EXPECT_TRUE(lock_file(two.get(), Lock::shared, false));
  EXPECT_FALSE(lock_file(two.get(), Lock::exclusive, false));
  one.reset();
  EXPECT_TRUE(lock_file(two.get(), Lock::exclusive, false));
}

}  // namespace
}  // namespace osb::sys
