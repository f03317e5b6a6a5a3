// Info, delete, permissions, move, replace and new directories through the routes.
#include "execd/files/file_world_for_tests.h"

namespace osb::execd {
namespace {

using namespace test;

TEST_F(FileRoutes, Info) {
  write("a.txt", "hello world", 0640);
  ASSERT_EQ(::symlink("nowhere", (dir_ + "/link").c_str()), 0);
  ASSERT_EQ(::mkdir((dir_ + "/sub").c_str(), 0755), 0);
  ASSERT_EQ(::chmod((dir_ + "/sub").c_str(), 01777), 0);
  timespec times[2] = {{1, 0}, {1795259546, 623814372}};
  ASSERT_EQ(::utimensat(AT_FDCWD, (dir_ + "/a.txt").c_str(), times, 0), 0);
  FileAnswer answer = get("/files/info" + query("a.txt") + "&path=link&path=sub");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.header("Content-Type"), "application/json; charset=utf-8");
  EXPECT_THAT(answer.body, testing::StartsWith(
                               "{\"" + dir_ + "/a.txt\":{\"path\":\"" + dir_ +
                               "/a.txt\",\"type\":\"file\",\"size\":11,\"modified_at\":\"2026-11-21T11:12:26."
                               "623814372Z\",\"created_at\":\"20"));
  json::Value value = json::parse(answer.body);
  const auto& entries = value.as_object();
  EXPECT_EQ(entries.at(dir_ + "/a.txt").at("mode").as_int64(), 640);
  EXPECT_EQ(entries.at("link").at("type").as_string(), "symlink");
  EXPECT_EQ(entries.at("link").at("path").as_string(), dir_ + "/link");
  EXPECT_EQ(entries.at("sub").at("type").as_string(), "directory");
  EXPECT_EQ(entries.at("sub").at("mode").as_int64(), 777);
  if (::geteuid() == 0) {
    EXPECT_EQ(entries.at("sub").at("owner").as_string(), "root");
  }
  EXPECT_EQ(get("/files/info").body, "{}");
  answer = get("/files/info" + query("a.txt") + "&path=none");
  EXPECT_EQ(answer.status, 404);
  EXPECT_EQ(answer.code(), "FILE_NOT_FOUND");
  EXPECT_EQ(get("/files/info?path=/proc/self/exe").status, 200);  // of the link itself
}

TEST_F(FileRoutes, Replace) {
  write("a", "one two one", 0751);
  write("b", "nothing");
  auto before = stat_of("b");
  std::string a = dir_ + "/a", b = dir_ + "/b";
  FileAnswer answer = post("/files/replace", "{\"" + a + "\":{\"old\":\"one\",\"new\":\"three\"}}");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "");
  EXPECT_EQ(content("a"), "three two three");
  EXPECT_EQ(mode_of("a"), 0751u);
  answer = post("/files/replace?verbose=true",
                "{\"b\":{\"old\":\"zzz\",\"new\":\"y\"},\"" + a + "\":{\"old\":\"three\",\"new\":\"\"}}");
  EXPECT_EQ(answer.body, "{\"" + a + "\":{\"replacedCount\":2},\"b\":{\"replacedCount\":0}}");
  EXPECT_EQ(content("a"), " two ");
  auto after = stat_of("b");
  EXPECT_EQ(after.st_ino, before.st_ino);
  EXPECT_EQ(after.st_mtim.tv_nsec, before.st_mtim.tv_nsec);
}

TEST_F(FileRoutes, ReplaceAcrossBlocks) {
  std::string text;
  for (int i = 0; i < 100'000; ++i) text += "needle" + std::to_string(i % 10);
  write("big", text);
  FileAnswer answer = post("/files/replace?verbose=true", R"({"big":{"old":"needle","new":"pin"}})");
  EXPECT_EQ(answer.body, R"({"big":{"replacedCount":100000}})");
  std::string want;
  for (int i = 0; i < 100'000; ++i) want += "pin" + std::to_string(i % 10);
  EXPECT_TRUE(content("big") == want);
  EXPECT_EQ(names(), std::vector<std::string>{"big"});
}

TEST_F(FileRoutes, ReplaceErrors) {
  write("a", "x");
  ASSERT_EQ(::mkfifo((dir_ + "/fifo").c_str(), 0644), 0);
  EXPECT_EQ(post("/files/replace", R"({"none":{"old":"","new":"b"}})").code(), "FILE_NOT_FOUND");
  EXPECT_EQ(post("/files/replace", R"({"a":{"old":"","new":"b"}})").code(), "INVALID_REQUEST_BODY");
  EXPECT_EQ(post("/files/replace", R"({"a":{"new":"b"}})").status, 400);
  EXPECT_EQ(post("/files/replace", R"({"fifo":{"old":"x","new":"b"}})").status, 400);
  EXPECT_EQ(post("/files/replace", R"({".":{"old":"x","new":"b"}})").status, 400);
  EXPECT_EQ(post("/files/replace", R"({"a":{"old":1}})").status, 400);
  EXPECT_EQ(post("/files/replace", "{").status, 400);
  EXPECT_EQ(post("/files/replace", "").status, 400);
  EXPECT_EQ(post("/files/replace", "[]").status, 400);
  // Nothing is changed when another of the paths is wrong.
  EXPECT_EQ(post("/files/replace", R"({"a":{"old":"x","new":"y"},"none":{"old":"x","new":"y"}})").status,
            404);
  EXPECT_EQ(content("a"), "x");
}

TEST_F(FileRoutes, Permissions) {
  write("a", "x", 0644);
  ASSERT_TRUE(::geteuid() != 0 || ::chown((dir_ + "/a").c_str(), 1234, 4321) == 0);
  uid_t owner = stat_of("a").st_uid;
  EXPECT_EQ(post("/files/permissions", R"({"a":{"mode":600}})").status, 200);
  EXPECT_EQ(mode_of("a"), 0600u);
  EXPECT_EQ(stat_of("a").st_uid, owner);  // a mode alone leaves the owner
  EXPECT_EQ(post("/files/permissions", R"({"a":{"mode":null,"owner":null,"group":null},"./a":null})").status,
            200);
  EXPECT_EQ(mode_of("a"), 0600u);
  if (::geteuid() == 0) {
    EXPECT_EQ(post("/files/permissions", R"({"a":{"owner":"nobody","mode":4711}})").status, 200);
    EXPECT_EQ(stat_of("a").st_uid, 65534u);
    EXPECT_EQ(stat_of("a").st_gid, 4321u);
    EXPECT_EQ(mode_of("a"), 04711u);
    EXPECT_EQ(post("/files/permissions", R"({"a":{"group":"77"}})").status, 200);
    EXPECT_EQ(stat_of("a").st_gid, 77u);
  }
  FileAnswer answer = post("/files/permissions", R"({"none":{"mode":600}})");
  EXPECT_EQ(answer.status, 404);
  EXPECT_EQ(answer.code(), "FILE_NOT_FOUND");
  EXPECT_EQ(post("/files/permissions", R"({"a":{"owner":"no-such-user"}})").status, 400);
  EXPECT_EQ(post("/files/permissions", R"({"a":{"mode":644},"none":{"mode":999}})").status, 400);
  EXPECT_NE(mode_of("a"), 0644u);  // nothing was changed
}

TEST_F(FileRoutes, MoveMakesParents) {
  write("a", "x");
  write("tree/sub/f", "y");
  EXPECT_EQ(post("/files/mv", R"([{"src":"a","dest":"new/dir/b"},{"src":"tree","dest":"new/tree"}])").status,
            200);
  EXPECT_EQ(content("new/dir/b"), "x");
  EXPECT_EQ(content("new/tree/sub/f"), "y");
  EXPECT_EQ(names(), std::vector<std::string>{"new"});
}

TEST_F(FileRoutes, MoveErrors) {
  write("a", "x");
  write("b", "y");
  write("tree/sub/f", "y");
  ASSERT_EQ(::symlink("nowhere", (dir_ + "/dangling").c_str()), 0);
  FileAnswer answer = post("/files/mv", R"([{"src":"none","dest":"z"}])");
  EXPECT_EQ(answer.status, 404);
  EXPECT_EQ(answer.code(), "FILE_NOT_FOUND");
  for (const char* taken : {"b", "tree", "dangling", "a", "/"}) {
    answer = post("/files/mv", std::string(R"([{"src":"a","dest":")") + taken + "\"}]");
    EXPECT_EQ(answer.status, 409) << taken;
    EXPECT_EQ(answer.code(), "FILE_ALREADY_EXISTS");
  }
  EXPECT_EQ(post("/files/mv", R"([{"src":"tree","dest":"tree/sub/tree"}])").status, 400);
  EXPECT_EQ(post("/files/mv", R"([{"src":"a","dest":"b/c"}])").status, 400);
  EXPECT_EQ(post("/files/mv", R"([{"src":"/","dest":"c"}])").status, 400);
  EXPECT_EQ(post("/files/mv", R"([{"dest":"c"}])").status, 400);
  EXPECT_EQ(post("/files/mv", R"({"src":"a","dest":"c"})").status, 400);
  EXPECT_EQ(content("a"), "x");
  EXPECT_EQ(content("b"), "y");
  EXPECT_EQ(post("/files/mv", R"([{"src":"dangling","dest":"still"}])").status, 200);
}

TEST_F(FileRoutes, MoveAcrossFileSystems) {
  if (!mount_tmpfs("size=16m")) GTEST_SKIP() << "mounting is not allowed here";
  write("tree/sub/f", std::string(300'000, 'y'), 0640);
  write("tree/ro/g", "g");
  write("single", "s", 04755);
  ASSERT_EQ(::symlink("../sub/f", (dir_ + "/tree/ro/link").c_str()), 0);
  ASSERT_EQ(::mkfifo((dir_ + "/tree/fifo").c_str(), 0622), 0);
  ASSERT_EQ(::chmod((dir_ + "/tree/ro").c_str(), 0555), 0);
  timespec times[2] = {{1000, 1}, {2000, 2}};
  ASSERT_EQ(::utimensat(AT_FDCWD, (dir_ + "/tree/sub").c_str(), times, 0), 0);
  FileAnswer answer =
      post("/files/mv", R"([{"src":"tree","dest":"mnt/t"},{"src":"single","dest":"mnt/x/single"}])");
  EXPECT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(names(), std::vector<std::string>{"mnt"});
  EXPECT_EQ(names("mnt"), (std::vector<std::string>{"t", "x"}));
  EXPECT_EQ(content("mnt/t/sub/f"), std::string(300'000, 'y'));
  EXPECT_EQ(mode_of("mnt/t/sub/f"), 0640u);
  EXPECT_EQ(mode_of("mnt/t/ro"), 0555u);
  EXPECT_EQ(mode_of("mnt/x/single"), 04755u);
  EXPECT_TRUE(S_ISLNK(stat_of("mnt/t/ro/link").st_mode));
  EXPECT_TRUE(S_ISFIFO(stat_of("mnt/t/fifo").st_mode));
  EXPECT_EQ(stat_of("mnt/t/sub").st_mtim.tv_sec, 2000);
  write("b", "b");
  EXPECT_EQ(post("/files/mv", R"([{"src":"b","dest":"mnt/t"}])").status, 409);
  // Too big for the other side: the source stays, no half copy is left.
  write("huge", std::string(20'000'000, 'h'));
  answer = post("/files/mv", R"([{"src":"huge","dest":"mnt/huge"}])");
  EXPECT_EQ(answer.code(), "DISK_FULL");
  EXPECT_EQ(names("mnt"), (std::vector<std::string>{"t", "x"}));
  EXPECT_EQ(stat_of("huge").st_size, 20'000'000);
}

TEST_F(FileRoutes, DeleteFiles) {
  write("z.txt", "x");
  write("sub/kept", "x");
  ASSERT_EQ(::symlink("nowhere", (dir_ + "/dangling").c_str()), 0);
  ASSERT_EQ(::symlink("sub", (dir_ + "/dirlink").c_str()), 0);
  FileAnswer answer = call("DELETE", "/files" + query("z.txt") + "&path=dangling&path=dirlink");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "");
  EXPECT_EQ(names(), std::vector<std::string>{"sub"});
  EXPECT_EQ(call("DELETE", "/files" + query("z.txt")).status, 200);
  EXPECT_EQ(call("DELETE", "/files" + query("no/such/dir")).status, 200);
  EXPECT_EQ(call("DELETE", "/files" + query("sub/kept/below")).status, 200);
  EXPECT_EQ(call("DELETE", "/files").status, 200);
  for (const char* name : {"sub", "", "../.."}) {
    answer = call("DELETE", "/files" + query(name));
    EXPECT_EQ(answer.status, 400) << name;
    EXPECT_EQ(answer.code(), "RUNTIME_ERROR");
  }
  EXPECT_EQ(content("sub/kept"), "x");
}

TEST_F(FileRoutes, MakeDirectories) {
  EXPECT_EQ(post("/directories", R"({"x/y":{"mode":750}, "n":null, "$SUB/d":{}})").status, 200);
  EXPECT_EQ(mode_of("x/y"), 0750u);
  EXPECT_EQ(mode_of("x"), 0755u);
  EXPECT_EQ(mode_of("n"), 0755u);
  EXPECT_TRUE(exists("sub/d"));
  EXPECT_EQ(post("/directories", R"({"x/y":{"mode":700}})").status, 200);
  EXPECT_EQ(mode_of("x/y"), 0750u);  // what exists stays as it is
  write("f", "x");
  EXPECT_EQ(post("/directories", R"({"f":{}})").status, 400);
  EXPECT_EQ(post("/directories", R"({"f/d":{}})").status, 400);
  EXPECT_EQ(post("/directories", R"({"q":{"mode":999}})").status, 400);
  EXPECT_EQ(post("/directories", R"({"q":[]})").status, 400);
  EXPECT_EQ(post("/directories", "").status, 400);
  EXPECT_FALSE(exists("q"));
}

// Released clients' bodies may have other letters in member names, and something behind the value.
TEST_F(FileRoutes, BodiesAreReadWithTolerance) {
  write("a", "one", 0644);
  EXPECT_EQ(post("/files/permissions", R"({"a":{"Mode":600,"other":1}} trailing)").status, 200);
  EXPECT_EQ(mode_of("a"), 0600u);
  EXPECT_EQ(post("/files/replace", R"({"a":{"OLD":"one","New":"two"}}x)").status, 200);
  EXPECT_EQ(content("a"), "two");
  EXPECT_EQ(post("/files/mv", R"([{"Src":"a","DEST":"b"}] [)").status, 200);
  EXPECT_EQ(content("b"), "two");
  EXPECT_EQ(post("/directories", "null").status, 200);
}

}  // namespace
}  // namespace osb::execd
