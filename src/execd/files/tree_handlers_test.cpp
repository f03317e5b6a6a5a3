// Search, list and recursive delete through the routes.
#include "execd/files/file_world_for_tests.h"

namespace osb::execd {
namespace {

using namespace test;
using testing::IsEmpty;

TEST_F(FileRoutes, Search) {
  for (const char* name : {"b.txt", "a.txt", "sub/c.txt", "sub/deep/.hidden.txt", "sub/x.py", "sub.txt/e"})
    write(name, "x");
  ASSERT_EQ(::symlink("sub", (dir_ + "/link").c_str()), 0);
  ASSERT_EQ(::symlink("/", (dir_ + "/root.txt").c_str()), 0);
  auto search = [&](const std::string& pattern) {
    return listed(get("/files/search" + query("") + pattern));
  };
  using Names = std::vector<std::string>;
  EXPECT_EQ(search("&pattern=*.txt"),
            (Names{"a.txt", "b.txt", "root.txt", "sub/c.txt", "sub/deep/.hidden.txt"}));
  EXPECT_EQ(search("&pattern=**/*.py"), Names{"sub/x.py"});
  EXPECT_EQ(search("&pattern=sub/*.py"), Names{});
  EXPECT_EQ(search("&pattern=%7Ba,e%7D*"), (Names{"a.txt", "sub.txt/e"}));
  Names all = {"a.txt",    "b.txt",    "link", "root.txt", "sub/c.txt", "sub/deep/.hidden.txt",
               "sub/x.py", "sub.txt/e"};
  EXPECT_EQ(search(""), all);
  EXPECT_EQ(search("&pattern="), all);
  EXPECT_EQ(search("&pattern=none"), Names{});
  EXPECT_EQ(get("/files/search" + query("none") + "&pattern=none").status, 404);
  EXPECT_EQ(listed(get("/files/search" + query("a.txt") + "&pattern=a*")), Names{"a.txt"});
  EXPECT_EQ(listed(get("/files/search" + query("link"))), Names{"link"});
  EXPECT_EQ(get("/files/search?pattern=*").code(), "MISSING_QUERY");
  EXPECT_EQ(get("/files/search" + query("none") + "&pattern=*").code(), "FILE_NOT_FOUND");
  EXPECT_EQ(get("/files/search" + query("") + "&pattern=%5B").status, 400);
}

TEST_F(FileRoutes, SearchOfManyFilesIsStreamed) {
  for (int i = 0; i < 3000; ++i) {
    char name[32];
    snprintf(name, sizeof name, "d%02d/f%05d", i % 7, i);
    write(name, "");
  }
  FileAnswer answer = get("/files/search" + query(""));
  std::vector<std::string> found = listed(answer);
  EXPECT_EQ(found.size(), 3000u);
  EXPECT_TRUE(std::is_sorted(found.begin(), found.end()));
  EXPECT_EQ(answer.header("Transfer-Encoding"), "chunked");
}

TEST_F(FileRoutes, SearchWhileTheTreeChanges) {
  for (int i = 0; i < 20; ++i) write("d" + std::to_string(i) + "/x/y/f", "");
  std::atomic<bool> stop{false};
  std::thread changer([&] {
    for (int n = 0; !stop; ++n) {
      std::string name = dir_ + "/d" + std::to_string(n % 20);
      std::error_code ignored;
      fs::remove_all(name, ignored);
      if (n % 3 == 0)
        (void)!::symlink("/", name.c_str());
      else
        fs::create_directories(name + "/x/y", ignored), std::ofstream(name + "/x/y/f") << "x";
    }
  });
  for (int i = 0; i < 50; ++i) {
    FileAnswer answer = get("/files/search" + query("") + "&pattern=f");
    EXPECT_EQ(answer.status, 200);
    for (const std::string& name : listed(answer)) EXPECT_THAT(name, testing::MatchesRegex("d[0-9]+/x/y/f"));
  }
  stop = true;
  changer.join();
}

TEST_F(FileRoutes, List) {
  for (const char* name : {"b", "a/y/z", "a/x", "c"}) write(name, "x");
  ASSERT_EQ(::symlink("a", (dir_ + "/link").c_str()), 0);
  auto list = [&](const std::string& depth) { return listed(get("/directories/list" + query("") + depth)); };
  using Names = std::vector<std::string>;
  EXPECT_EQ(list(""), (Names{"a", "b", "c", "link"}));
  EXPECT_EQ(list("&depth=1"), (Names{"a", "b", "c", "link"}));
  EXPECT_EQ(list("&depth=2"), (Names{"a", "a/x", "a/y", "b", "c", "link"}));
  EXPECT_EQ(list("&depth=2147483647"), (Names{"a", "a/x", "a/y", "a/y/z", "b", "c", "link"}));
  EXPECT_EQ(get("/directories/list" + query("") + "&depth=0").body, "[]");
  for (const char* bad : {"&depth=-1", "&depth=x", "&depth=", "&depth=1.0", "&depth=2147483648"}) {
    FileAnswer answer = get("/directories/list" + query("") + bad);
    EXPECT_EQ(answer.status, 400) << bad;
    EXPECT_EQ(answer.code(), "INVALID_REQUEST_BODY");
  }
  EXPECT_EQ(get("/directories/list" + query("link")).status, 400);
  EXPECT_EQ(get("/directories/list" + query("b")).status, 400);
  EXPECT_EQ(get("/directories/list" + query("none")).code(), "FILE_NOT_FOUND");
  EXPECT_EQ(get("/directories/list").code(), "MISSING_QUERY");
}

TEST_F(FileRoutes, DeleteDirectories) {
  for (int i = 0; i < 300; ++i) write("d/" + std::to_string(i % 10) + "/e/" + std::to_string(i), "x");
  write("outside/kept", "x");
  ASSERT_EQ(::symlink("../outside", (dir_ + "/d/link").c_str()), 0);
  ASSERT_EQ(::symlink("outside", (dir_ + "/toplink").c_str()), 0);
  ASSERT_EQ(::mkfifo((dir_ + "/d/fifo").c_str(), 0644), 0);
  ASSERT_EQ(::chmod((dir_ + "/d/1").c_str(), 0555), 0);
  EXPECT_EQ(call("DELETE", "/directories" + query("d") + "&path=toplink").status, 200);
  EXPECT_EQ(names(), std::vector<std::string>{"outside"});
  EXPECT_EQ(content("outside/kept"), "x");
  EXPECT_EQ(call("DELETE", "/directories" + query("d")).status, 200);
  EXPECT_EQ(call("DELETE", "/directories" + query("outside/kept")).status, 200);
  EXPECT_EQ(call("DELETE", "/directories").status, 200);
  EXPECT_THAT(names("outside"), IsEmpty());
}

TEST_F(FileRoutes, DeleteDirectoriesSparesMounts) {
  if (!mount_tmpfs("size=1m")) GTEST_SKIP() << "mounting is not allowed here";
  write("mnt/kept", "x");
  EXPECT_EQ(call("DELETE", "/directories" + query("mnt")).status, 400);
  EXPECT_EQ(call("DELETE", "/directories?path=" + dir_).status, 400);
  EXPECT_EQ(content("mnt/kept"), "x");
}

TEST_F(FileRoutes, DeleteOfATreeDeeperThanAnyPath) {
  Fd at(::open(dir_.c_str(), O_PATH | O_DIRECTORY));
  for (int i = 0; i < 3000; ++i) {
    ASSERT_EQ(::mkdirat(at.get(), "directory", 0755), 0);
    at.reset(::openat(at.get(), "directory", O_PATH | O_DIRECTORY));
    ASSERT_TRUE(at);
  }
  at.reset();
  EXPECT_EQ(get("/files/search" + query("directory")).body, "[]");
  EXPECT_EQ(call("DELETE", "/directories" + query("directory")).status, 200);
  EXPECT_THAT(names(), IsEmpty());
}

TEST_F(FileRoutes, DeleteNeverFollowsALinkThatAppears) {
  write("outside/kept", "x");
  std::atomic<bool> stop{false};
  std::thread swapper([&] {
    std::string a = dir_ + "/d/a", b = dir_ + "/b";
    while (!stop) {
      std::error_code ignored;
      fs::create_directories(a, ignored);
      std::ofstream(a + "/f") << "x";
      (void)!::symlink((dir_ + "/outside").c_str(), b.c_str());
      ::renameat2(AT_FDCWD, a.c_str(), AT_FDCWD, b.c_str(), RENAME_EXCHANGE);
    }
  });
  for (int i = 0; i < 100; ++i) call("DELETE", "/directories" + query("d"));
  stop = true;
  swapper.join();
  EXPECT_EQ(content("outside/kept"), "x");
}

}  // namespace
}  // namespace osb::execd
