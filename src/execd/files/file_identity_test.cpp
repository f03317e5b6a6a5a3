// Files under a user's identity, through the routes: the kernel does the checks.
#include "execd/files/file_identity.h"

#include "execd/files/accounts.h"
#include "execd/files/file_world_for_tests.h"

namespace osb::execd {
namespace {

using namespace test;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr uid_t kUser = 12345;  // without an account

class FilesOfAUser : public FileRoutes {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "only root can act as others";
    FileRoutes::SetUp();
    ASSERT_EQ(::chmod(dir_.c_str(), 0755), 0);
    fs::create_directory(dir_ + "/own");
    give("own", kUser, kUser, 0755);
    write("secret", "of root", 0600);
  }
  void TearDown() override {
    if (!dir_.empty()) FileRoutes::TearDown();
  }
  void give(const std::string& name, uid_t uid, gid_t gid, mode_t mode) {
    ASSERT_EQ(::lchown((dir_ + "/" + name).c_str(), uid, gid), 0);
    ASSERT_EQ(::chmod((dir_ + "/" + name).c_str(), mode), 0);
  }
  std::string as(const std::string& route, uid_t uid = kUser, gid_t gid = kUser) {
    return "/v1/filesystem/" + std::to_string(uid) + "/" + std::to_string(gid) + route;
  }
  FileAnswer upload_as(const std::string& parts, uid_t uid = kUser, gid_t gid = kUser) {
    return call("POST", as("/files/upload", uid, gid),
                "Content-Type: multipart/form-data; boundary=XBOUNDX\r\n", parts + "--XBOUNDX--\r\n");
  }
  std::string path(const std::string& name) { return dir_ + "/" + name; }
};

void expect_denied(const FileAnswer& answer) {
  EXPECT_EQ(answer.status, 403) << answer.body;
  EXPECT_EQ(answer.code(), "PERMISSION_DENIED");
}

TEST_F(FilesOfAUser, WhatIsRootsStaysRoots) {
  expect_denied(get(as("/files/download") + query("secret")));
  expect_denied(upload_as(pair(metadata("secret"), "x")));
  expect_denied(upload_as(pair(metadata("new"), "x")));
  expect_denied(post(as("/files/replace"), "{\"" + path("secret") + R"(":{"old":"of","new":"x"}})"));
  expect_denied(post(as("/files/permissions"), "{\"" + path("secret") + R"(":{"mode":666}})"));
  expect_denied(
      post(as("/files/mv"), R"([{"src":")" + path("secret") + R"(","dest":")" + path("own/s") + "\"}]"));
  expect_denied(call("DELETE", as("/files") + query("secret")));
  expect_denied(call("DELETE", as("/directories") + query("secret")));
  expect_denied(post(as("/directories"), "{\"" + path("d") + "\":{}}"));
  EXPECT_EQ(content("secret"), "of root");
  EXPECT_EQ(mode_of("secret"), 0600u);
  EXPECT_EQ(names(), (std::vector<std::string>{"own", "secret"}));
  // The daemon itself is as it was before.
  EXPECT_EQ(download("secret").body, "of root");
}

TEST_F(FilesOfAUser, WhatIsMadeBelongsToTheUser) {
  EXPECT_EQ(upload_as(pair(metadata("own/d/f", ",\"mode\":640"), "x"), kUser, 777).status, 200);
  EXPECT_EQ(post(as("/directories"), "{\"" + path("own/e") + R"(":{"mode":700}})").status, 200);
  EXPECT_EQ(stat_of("own/d/f").st_uid, kUser);
  EXPECT_EQ(stat_of("own/d/f").st_gid, 777u);
  EXPECT_EQ(stat_of("own/d").st_uid, kUser);
  EXPECT_EQ(stat_of("own/e").st_uid, kUser);
  EXPECT_EQ(mode_of("own/d/f"), 0640u);
  EXPECT_EQ(get(as("/files/download", kUser, 777) + query("own/d/f")).body, "x");
  EXPECT_EQ(post(as("/files/permissions"), "{\"" + path("own/d/f") + R"(":{"mode":600}})").status, 200);
  EXPECT_EQ(mode_of("own/d/f"), 0600u);
  expect_denied(post(as("/files/permissions"), "{\"" + path("own/d/f") + R"(":{"owner":"root"}})"));
  EXPECT_EQ(call("DELETE", as("/directories") + query("own/d")).status, 200);
  EXPECT_EQ(names("own"), std::vector<std::string>{"e"});
}

TEST_F(FilesOfAUser, ReadsWhatEverybodyMayRead) {
  write("public/f", "all");
  write("public/closed/g", "none");
  give("public/closed", 0, 0, 0700);
  EXPECT_EQ(get(as("/files/download") + query("public/f")).body, "all");
  EXPECT_EQ(get(as("/files/info") + query("public/f")).status, 200);
  expect_denied(get(as("/files/info") + query("public/closed/g")));
  FileAnswer listed_as_user = get(as("/directories/list") + query("public") + "&depth=9");
  EXPECT_EQ(listed(listed_as_user), (std::vector<std::string>{"public/closed", "public/f"}));
  EXPECT_EQ(listed(get(as("/files/search") + query("public"))), std::vector<std::string>{"public/f"});
}

// Another user's file in a directory that the user may write to: a rename would get past its mode and owner.
TEST_F(FilesOfAUser, FilesOfOthersAreNotReplacedByARename) {
  write("own/readable", "roots", 0644);
  write("own/shared", "roots", 0664);
  give("own/shared", 0, kUser, 0664);
  expect_denied(upload_as(pair(metadata("own/readable"), "x")));
  expect_denied(post(as("/files/replace"), "{\"" + path("own/readable") + R"(":{"old":"r","new":"x"}})"));
  EXPECT_EQ(content("own/readable"), "roots");
  EXPECT_EQ(upload_as(pair(metadata("own/shared"), "users")).status, 200);
  EXPECT_EQ(content("own/shared"), "users");
  EXPECT_EQ(stat_of("own/shared").st_uid, 0u);
  EXPECT_EQ(stat_of("own/shared").st_gid, kUser);
  EXPECT_EQ(mode_of("own/shared"), 0664u);
  EXPECT_EQ(names("own"), (std::vector<std::string>{"readable", "shared"}));
}

TEST_F(FilesOfAUser, StickyDirectoriesProtectTheFilesOfOthers) {
  write("tmp/of_root", "r", 0666);
  write("tmp/of_user", "u", 0666);
  give("tmp", 0, 0, 01777);
  give("tmp/of_user", kUser, kUser, 0666);
  expect_denied(call("DELETE", as("/files") + query("tmp/of_root")));
  expect_denied(
      post(as("/files/mv"), R"([{"src":")" + path("tmp/of_root") + R"(","dest":")" + path("tmp/x") + "\"}]"));
  EXPECT_EQ(call("DELETE", as("/files") + query("tmp/of_user")).status, 200);
  EXPECT_EQ(upload_as(pair(metadata("tmp/new"), "x")).status, 200);
  EXPECT_EQ(names("tmp"), (std::vector<std::string>{"new", "of_root"}));
}

TEST_F(FilesOfAUser, PlantedLinksLeadOnlyWhereTheUserMayGo) {
  write("private/f", "of root", 0644);
  give("private", 0, 0, 0700);
  ASSERT_EQ(::symlink((dir_ + "/secret").c_str(), (dir_ + "/own/file").c_str()), 0);
  ASSERT_EQ(::symlink((dir_ + "/private").c_str(), (dir_ + "/own/dir").c_str()), 0);
  ASSERT_EQ(::symlink((dir_ + "/fresh").c_str(), (dir_ + "/own/dangling").c_str()), 0);
  expect_denied(get(as("/files/download") + query("own/file")));
  expect_denied(get(as("/files/download") + query("own/dir/f")));
  expect_denied(upload_as(pair(metadata("own/file"), "x")));
  expect_denied(upload_as(pair(metadata("own/dir/g"), "x")));
  expect_denied(upload_as(pair(metadata("own/dangling"), "x")));
  expect_denied(call("DELETE", as("/files") + query("own/dir/f")));
  expect_denied(call("DELETE", as("/directories") + query("own/dir/f")));
  expect_denied(post(as("/files/permissions"), "{\"" + path("own/file") + R"(":{"mode":666}})"));
  expect_denied(get(as("/files/search") + query("own/dir/f")));
  EXPECT_EQ(content("secret"), "of root");
  EXPECT_EQ(names("private"), std::vector<std::string>{"f"});
  EXPECT_FALSE(exists("fresh"));
}

TEST_F(FilesOfAUser, SupplementaryGroupsComeFromTheAccount) {
  // An account of this machine that has one: whoever it is.
  std::ifstream groups("/etc/group");
  std::string line, member;
  gid_t gid = 0;
  while (member.empty() && std::getline(groups, line)) {
    size_t third = line.rfind(':');
    if (third + 1 >= line.size()) continue;
    member = line.substr(third + 1, line.find(',', third) - third - 1);
    gid = static_cast<gid_t>(std::stoul(line.substr(line.rfind(':', third - 1) + 1)));
  }
  if (member.empty()) GTEST_SKIP() << "no account here is in a second group";
  uid_t uid = Accounts::load().uid_of(member).value();
  write("groups", "g", 0640);
  give("groups", 0, gid, 0640);
  EXPECT_EQ(get(as("/files/download", uid, 54321) + query("groups")).body, "g");
  expect_denied(get(as("/files/download") + query("groups")));
}

TEST_F(FilesOfAUser, PathsStartAtTheRootAndTheHomeIsTheAccounts) {
  EXPECT_EQ(get(as("/files/info") + "?path=etc/passwd").status, 200);
  EXPECT_THAT(get(as("/files/info", 0, 0) + "?path=~").body, HasSubstr(R"("path":"/root")"));
  EXPECT_THAT(get(as("/files/info", 0, 0) + "?path=$HOME").body, HasSubstr(R"("path":"/root")"));
  FileAnswer homeless = get(as("/files/info") + "?path=~/x");
  EXPECT_EQ(homeless.status, 400);
  EXPECT_THAT(homeless.body, HasSubstr("HOME is not set"));
}

TEST_F(FilesOfAUser, TheDaemonsOwnProcessIsNotTheUsers) {
  for (const char* name :
       {"/proc/self/maps", "/proc/thread-self/maps", "/proc/self/environ", "/proc/self/fdinfo/0"})
    expect_denied(get(as("/files/download") + "?path=" + name));
  std::string number = "/proc/" + std::to_string(::getpid()) + "/maps";
  ASSERT_EQ(::symlink(number.c_str(), (dir_ + "/own/link").c_str()), 0);
  expect_denied(get(as("/files/download") + query("own/link")));
  EXPECT_EQ(get(as("/files/download") + "?path=/proc/version").status, 200);
}

TEST_F(FilesOfAUser, OnlyIdsThatExist) {
  for (const char* bad : {"4294967295/0", "0/4294967295", "4294967296/0", "-1/0", "root/0", "+1/0", "1.0/0",
                          "0x1/1", "99999999999999999999/0", "%201/0"}) {
    FileAnswer answer = get(std::string("/v1/filesystem/") + bad + "/files/info?path=/");
    EXPECT_EQ(answer.status, 400) << bad << answer.body;
    EXPECT_EQ(answer.code(), "INVALID_REQUEST_BODY");
  }
  EXPECT_EQ(get(as("/files/info", 4294967294, 4294967294) + "?path=/").status, 200);
  EXPECT_EQ(get(as("/files/download", 0, 0) + query("secret")).body, "of root");
}

TEST_F(FilesOfAUser, BrokenUploadLeavesNothing) {
  std::string begin =
      form_part("metadata", metadata("own/cut")) + form_part("file", std::string(1'000'000, 'x'));
  begin.resize(begin.size() - 2);
  int fd = connect();
  put(fd, "POST " + as("/files/upload") +
              " HTTP/1.1\r\nHost: x\r\nContent-Length: 5000000\r\n"
              "Content-Type: multipart/form-data; boundary=XBOUNDX\r\n\r\n" +
              begin);
  ::close(fd);
  for (int i = 0; i < 200 && !names("own").empty(); ++i) ::usleep(10000);
  EXPECT_THAT(names("own"), IsEmpty());
}

// Many users at once on the same few threads: nobody gets another one's rights.
TEST_F(FilesOfAUser, RequestsOfManyUsersDoNotMix) {
  for (uid_t i = 0; i < 8; ++i) {
    std::string name = "f" + std::to_string(i);
    write(name, name, 0600);
    give(name, 20000 + i, 20000 + i, 0600);
  }
  std::vector<std::thread> clients;
  std::atomic<int> wrong{0};
  for (uid_t i = 0; i < 8; ++i)
    clients.emplace_back([this, i, &wrong] {
      for (int n = 0; n < 40; ++n) {
        std::string own = "f" + std::to_string(i), other = "f" + std::to_string((i + 1) % 8);
        if (get(as("/files/download", 20000 + i, 1) + query(own)).body != own) ++wrong;
        if (get(as("/files/download", 20000 + i, 1) + query(other)).status != 403) ++wrong;
        if (download(other).body != other) ++wrong;
      }
    });
  for (auto& client : clients) client.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace osb::execd
