#include "launcher/image_store.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include "base/error.h"
#include "launcher/image_name.h"
#include "launcher/tar_for_tests.h"
#include "sys/tree.h"

namespace osb::launcher {
namespace {

using test::Tar;

class Images : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "importing keeps owners, which needs root";
    char path[] = "/tmp/osb-images-XXXXXX";
    ASSERT_TRUE(::mkdtemp(path));
    path_ = path;
    store_.emplace(ImageStore::open(path_ + "/images"));
  }
  void TearDown() override {
    if (path_.empty()) return;
    store_.reset();
    Fd tmp(::open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    sys::remove_tree(tmp.get(), path_.substr(5));
  }
  ImageInfo import(const std::string& name, const std::string& bytes, const ImportOptions& options = {}) {
    Fd file(::open(path_.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    sys::write_all(file.get(), bytes, "writing a test archive");
    ::lseek(file.get(), 0, SEEK_SET);
    return store_->import(name, file.get(), options);
  }
  // The error code of an import that must fail, after which the store must be as empty as before.
  ErrorCode refusal(const std::string& bytes) {
    try {
      import("bad", bytes);
    } catch (const Error& error) {
      last_message_ = error.message();
      EXPECT_EQ(names(), std::vector<std::string>{".lock"}) << last_message_;
      EXPECT_EQ(sys::list_directory(Fd(::open(path_.c_str(), O_RDONLY | O_DIRECTORY)).get()),
                std::vector<std::string>{"images"});
      return error.code();
    }
    ADD_FAILURE() << "imported";
    return ErrorCode::unavailable;
  }
  std::vector<std::string> names() { return sys::list_directory(store_->directory()); }
  std::string root(const std::string& name) {
    return path_ + "/images/" + encode_image_name(normalise_image_name(name)) + "/rootfs";
  }
  std::string content(const std::string& image, const std::string& path) {
    Fd dir(::open(root(image).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    return sys::read_file(dir.get(), path, 1 << 20);
  }
  struct stat look(const std::string& image, const std::string& path) {
    struct stat st{};
    EXPECT_EQ(::lstat((root(image) + "/" + path).c_str(), &st), 0) << path;
    return st;
  }

  std::string path_, last_message_;
  std::optional<ImageStore> store_;
};

TEST_F(Images, KeepsOwnersModesLinksTimesAndAttributes) {
  Tar tar;
  tar.directory("./").directory("./bin").directory("tmp", 01777);
  tar.add("bin/su", AE_IFREG, "root", 04755, [](archive_entry* e) {
    archive_entry_set_uid(e, 12);
    archive_entry_set_gid(e, 34);
    archive_entry_xattr_add_entry(e, "user.note", "hi", 2);
    archive_entry_xattr_add_entry(e, "user.overlay.opaque", "y", 1);
    archive_entry_xattr_add_entry(e, "trusted.overlay.opaque", "y", 1);
  });
  tar.symlink("bin/sh", "su").symlink("abs", "/etc/passwd").link("bin/hard", "./bin/su");
  tar.file("no/parent/named", "p").file("naïve-ü", "utf8").add("pipe", AE_IFIFO);
  tar.add("dev/null", AE_IFCHR, {}, 0666).add("dev/sda", AE_IFBLK, {}, 0666);
  ImageInfo info =
      import("alpine", tar.finish(), {.env = {{"A", "b"}}, .entrypoint = {"/bin/sh", "-l"}, .cwd = "/srv"});
  EXPECT_EQ(info.name, "alpine:latest");
  EXPECT_EQ(info.size, 9);
  EXPECT_EQ(content("alpine", "bin/su"), "root");
  struct stat su = look("alpine", "bin/su");
  EXPECT_EQ(su.st_mode, S_IFREG | 04755u);
  EXPECT_EQ(su.st_uid, 12u);
  EXPECT_EQ(su.st_gid, 34u);
  EXPECT_EQ(su.st_mtim.tv_sec, 1'000'000'000);
  EXPECT_EQ(su.st_nlink, 2u);
  EXPECT_EQ(look("alpine", "bin/hard").st_ino, su.st_ino);
  EXPECT_EQ(look("alpine", "tmp").st_mode, S_IFDIR | 01777u);
  EXPECT_EQ(look("alpine", "bin").st_mtim.tv_sec, 1'000'000'000);
  EXPECT_TRUE(S_ISLNK(look("alpine", "abs").st_mode));
  EXPECT_TRUE(S_ISFIFO(look("alpine", "pipe").st_mode));
  EXPECT_EQ(content("alpine", "no/parent/named"), "p");
  EXPECT_EQ(content("alpine", "naïve-ü"), "utf8");
  EXPECT_NE(::access((root("alpine") + "/dev/null").c_str(), F_OK), 0);
  char value[8];
  std::string file = root("alpine") + "/bin/su";
  EXPECT_LT(::lgetxattr(file.c_str(), "user.overlay.opaque", value, sizeof value), 0);
  EXPECT_LT(::lgetxattr(file.c_str(), "trusted.overlay.opaque", value, sizeof value), 0);
  // Setuid programs of an image are nobody's business on the host.
  EXPECT_EQ(look("alpine", "").st_mode, S_IFDIR | 0700u);

  std::optional<ImageInfo> found = store_->find("docker.io/library/alpine:latest");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->entrypoint, (std::vector<std::string>{"/bin/sh", "-l"}));
  EXPECT_EQ(found->env.at("A"), "b");
  EXPECT_EQ(found->cwd, "/srv");
  ASSERT_EQ(store_->list().size(), 1u);
  EXPECT_EQ(store_->list()[0].created, info.created);
}

TEST_F(Images, ReadsEveryCompression) {
  int (*filters[])(archive*) = {archive_write_add_filter_none, archive_write_add_filter_gzip,
                                archive_write_add_filter_zstd, archive_write_add_filter_xz,
                                archive_write_add_filter_bzip2};
  int n = 0;
  for (auto filter : filters) {
    std::string name = "f" + std::to_string(n++);
    import(name, Tar(filter).file("etc/x", std::string(100'000, 'y')).finish());
    EXPECT_EQ(content(name, "etc/x").size(), 100'000u);
  }
  EXPECT_EQ(store_->list().size(), 5u);
}

TEST_F(Images, ReadsWhatTarWrites) {
  ASSERT_EQ(::system(("mkdir -p " + path_ + "/in/usr/bin && cd " + path_ +
                      "/in && printf hi >usr/bin/a && chmod 4711 usr/bin/a && "
                      "ln usr/bin/a b && ln -s usr/bin bin && truncate -s 3M sparse && printf z >>sparse && "
                      "tar --sparse -czf ../in.tgz . && cd .. && rm -r in")
                         .c_str()),
            0);
  Fd file(::open((path_ + "/in.tgz").c_str(), O_RDONLY | O_CLOEXEC));
  store_->import("from-tar", file.get());
  EXPECT_EQ(content("from-tar", "b"), "hi");
  EXPECT_EQ(look("from-tar", "usr/bin/a").st_mode & 07777, 04711u);
  struct stat sparse = look("from-tar", "sparse");
  EXPECT_EQ(sparse.st_size, 3 * 1024 * 1024 + 1);
  EXPECT_LT(sparse.st_blocks, 1024);
  ASSERT_EQ(::system(("rm " + path_ + "/in.tgz").c_str()), 0);
}

TEST_F(Images, LaterEntriesReplaceEarlierOnes) {
  Tar tar;
  tar.file("a", "one").file("a", "two").symlink("d", "/tmp").directory("d").file("d/f", "inside");
  tar.directory("e").file("e", "file now").file("t", "victim").symlink("l", "t").file("l", "own");
  import("twice", tar.finish());
  EXPECT_EQ(content("twice", "a"), "two");
  EXPECT_EQ(content("twice", "d/f"), "inside");
  EXPECT_EQ(content("twice", "e"), "file now");
  EXPECT_EQ(content("twice", "l"), "own");
  EXPECT_EQ(content("twice", "t"), "victim");
}

TEST_F(Images, HostileArchivesWriteNothingOutside) {
  EXPECT_EQ(refusal(Tar().file("../escape").finish()), ErrorCode::invalid);
  EXPECT_EQ(refusal(Tar().file("a/../../escape").finish()), ErrorCode::invalid);
  EXPECT_EQ(refusal(Tar().file(path_ + "/escape").finish()), ErrorCode::invalid);
  EXPECT_EQ(refusal(Tar().symlink("out", path_).file("out/escape").finish()), ErrorCode::invalid);
  EXPECT_EQ(refusal(Tar().symlink("out", "..").file("out/escape").finish()), ErrorCode::invalid);
  EXPECT_EQ(refusal(Tar().symlink("out", path_).directory("out/sub").finish()), ErrorCode::invalid);
  EXPECT_EQ(refusal(Tar().directory("in").symlink("out", "in").file("out/f").finish()), ErrorCode::invalid);
  EXPECT_EQ(refusal(Tar().link("passwd", "/etc/passwd").finish()), ErrorCode::invalid);
  EXPECT_EQ(refusal(Tar().link("passwd", "../../image.json").finish()), ErrorCode::invalid);
  EXPECT_EQ(refusal(Tar().symlink("out", "/etc").link("passwd", "out/passwd").finish()), ErrorCode::invalid);
  EXPECT_EQ(refusal(Tar().link("nothing", "missing").finish()), ErrorCode::invalid);
  EXPECT_EQ(refusal(Tar().directory("d").file("d/f").file("d").finish()), ErrorCode::invalid);
}

TEST_F(Images, HardLinksToSymbolicLinksAreNotFollowed) {
  import("hl", Tar().symlink("s", "/etc/passwd").link("h", "s").file("h", "mine").finish());
  EXPECT_EQ(content("hl", "h"), "mine");
  EXPECT_TRUE(S_ISLNK(look("hl", "s").st_mode));
}

TEST_F(Images, DamagedArchivesAreRefused) {
  EXPECT_EQ(refusal(""), ErrorCode::invalid);
  EXPECT_EQ(refusal("hello, this is no archive"), ErrorCode::invalid);
  EXPECT_EQ(refusal(std::string(100'000, '\0')), ErrorCode::invalid);
  std::string whole = Tar().file("a", std::string(50'000, 'a')).file("b", "b").finish();
  EXPECT_EQ(refusal(whole.substr(0, 20'000)), ErrorCode::invalid);
  std::string packed =
      Tar(archive_write_add_filter_gzip).file("a", std::string(50'000, 'a')).file("b", "b").finish();
  EXPECT_EQ(refusal(packed.substr(0, packed.size() / 2)), ErrorCode::invalid);
  EXPECT_EQ(refusal(Tar().file(std::string(300, 'n')).finish()), ErrorCode::invalid);
  std::string deep;
  for (int i = 0; i < 300; ++i) deep += "d/";
  EXPECT_EQ(refusal(Tar().file(deep + "f").finish()), ErrorCode::invalid);
}

TEST_F(Images, ContainerArchivesAreNamed) {
  EXPECT_EQ(refusal(Tar().directory("blobs").file("manifest.json", "[]").finish()), ErrorCode::unsupported);
  EXPECT_NE(last_message_.find("docker export"), std::string::npos);
  EXPECT_EQ(refusal(Tar().file("oci-layout", "{}").file("index.json", "{}").file("blobs/sha256/a").finish()),
            ErrorCode::unsupported);
  import("ok", Tar().file("usr/bin/true").file("manifest.json", "mine").finish());
}

TEST_F(Images, FullDiskLeavesNothing) {
  std::string disk = path_ + "/images";
  store_.reset();
  ASSERT_EQ(::system(("mount -t tmpfs -o size=68m none " + disk).c_str()), 0);
  store_.emplace(ImageStore::open(disk));
  EXPECT_EQ(refusal(Tar(archive_write_add_filter_zstd).file("zeros", std::string(30 << 20, 'z')).finish()),
            ErrorCode::exhausted);
  store_.reset();
  ASSERT_EQ(::system(("umount " + disk).c_str()), 0);
}

TEST_F(Images, ContentHasALimit) {
  std::string archive = Tar().file("a", std::string(600, 'a')).file("b", std::string(600, 'b')).finish();
  EXPECT_EQ(import("fits", archive, {.max_bytes = 1200}).size, 1200);
  try {
    import("large", archive, {.max_bytes = 1199});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::too_large);
  }
  EXPECT_FALSE(store_->find("large"));
}

TEST_F(Images, WhatTheSourceThrowsArrivesAndLeavesNothing) {
  std::string archive = Tar().file("a", std::string(5000, 'a')).finish();
  // In the middle of a file, and in the padding behind the end of the archive.
  for (size_t good : {size_t{2048}, archive.size()}) {
    size_t given = 0;
    auto source = [&]() -> std::string_view {
      if (given >= good) throw Error(ErrorCode::unavailable, "the line is dead");
      std::string_view block = std::string_view(archive).substr(given, 512);
      given += block.size();
      return block;
    };
    try {
      store_->import("cut", source);
      FAIL();
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::unavailable);
      EXPECT_EQ(error.message(), "the line is dead");
    }
    EXPECT_EQ(names(), std::vector<std::string>{".lock"});
  }
}

TEST_F(Images, TakenNamesNeedReplace) {
  import("a:1", Tar().file("v", "one").finish());
  try {
    import("a:1", Tar().file("v", "two").finish());
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::conflict);
  }
  EXPECT_EQ(content("a:1", "v"), "one");
  import("a:1", Tar().file("v", "two").finish(), {.replace = true});
  EXPECT_EQ(content("a:1", "v"), "two");
  EXPECT_EQ(names(), (std::vector<std::string>{".lock", "a%3a1"}));
  for (const char* reserved : {"host", "host:latest"}) {
    try {
      import(reserved, Tar().file("v").finish());
      FAIL();
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::conflict);
    }
  }
}

TEST_F(Images, UsedImagesStay) {
  import("used", Tar().file("v", "one").finish());
  Fd user = store_->hold("used%3alatest");
  Fd second = store_->hold("used%3alatest");
  try {
    store_->remove("used");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::conflict);
  }
  EXPECT_EQ(content("used", "v"), "one");
  second.reset();
  // Replacing keeps the old root for its users, and sweeps it once they are gone.
  Fd old_root(::open(root("used").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  import("used", Tar().file("v", "two").finish(), {.replace = true});
  EXPECT_EQ(content("used", "v"), "two");
  EXPECT_EQ(sys::read_file(old_root.get(), "v", 10), "one");
  EXPECT_EQ(names().size(), 3u);
  store_->sweep();
  EXPECT_EQ(sys::read_file(old_root.get(), "v", 10), "one");
  user.reset();
  store_->remove("used");
  EXPECT_EQ(names(), std::vector<std::string>{".lock"});
  EXPECT_THROW(store_->hold("used%3alatest"), Error);
  EXPECT_THROW(store_->hold("../images"), Error);
  EXPECT_THROW(store_->remove("used"), Error);
}

TEST_F(Images, CrashedImportsAreSweptAndLiveOnesAreNot) {
  int gate[2];
  ASSERT_EQ(::pipe(gate), 0);
  pid_t child = ::fork();
  if (child == 0) {  // blocks inside the import, reading an archive that never ends
    ::close(gate[1]);
    try {
      store_->import("slow", gate[0]);
    } catch (const Error&) {}
    ::_exit(0);
  }
  ::close(gate[0]);
  std::string half = Tar().file("a", std::string(3 << 20, 'a')).finish().substr(0, 1 << 20);
  sys::write_all(gate[1], half, "feeding");
  while (names().size() < 2) ::usleep(1000);
  store_->sweep();
  EXPECT_EQ(names().size(), 2u);  // somebody works on it
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  ::close(gate[1]);
  store_->sweep();
  EXPECT_EQ(names(), std::vector<std::string>{".lock"});
}

TEST_F(Images, ListsWithoutRoot) {
  import("readable", Tar().file("v").finish(), {.cwd = "/w"});
  ASSERT_EQ(::chmod(path_.c_str(), 0700), 0);  // the open descriptor is enough
  pid_t child = ::fork();
  if (child == 0) {
    bool ok = ::setgid(65534) == 0 && ::setuid(65534) == 0;
    std::vector<ImageInfo> images = store_->list();
    ::_exit(ok && images.size() == 1 && images[0].cwd == "/w" && store_->find("readable") ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace osb::launcher
