// Upload and download through the routes.
#include <sys/un.h>

#include "execd/files/file_world_for_tests.h"

namespace osb::execd {
namespace {

using namespace test;
using testing::HasSubstr;
using testing::IsEmpty;

TEST_F(FileRoutes, UploadMakesParentsAndSetsTheMode) {
  FileAnswer answer = upload(pair(metadata("d/e/a.txt", ", \"mode\": 644"), "hello world", "a.txt"));
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.header("Content-Length"), "0");
  EXPECT_EQ(content("d/e/a.txt"), "hello world");
  EXPECT_EQ(mode_of("d/e/a.txt"), 0644u);
  EXPECT_EQ(mode_of("d/e"), 0755u);
  EXPECT_EQ(names("d/e"), std::vector<std::string>{"a.txt"});
}

TEST_F(FileRoutes, UploadOfSeveralFilesWithOwners) {
  FileAnswer answer =
      upload(pair(metadata("b.txt", R"(, "mode": 600, "owner": "nobody", "group": "nogroup")"), "b") +
             pair(metadata("c.bin", ", \"mode\": 755"), "c\nd\r\n") +
             pair(metadata("n", R"(, "owner": "1234", "group": null, "mode": null)"), ""));
  EXPECT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(content("b.txt"), "b");
  EXPECT_EQ(content("c.bin"), "c\nd\r\n");
  EXPECT_EQ(mode_of("b.txt"), 0600u);
  EXPECT_EQ(mode_of("c.bin"), 0755u);
  EXPECT_EQ(stat_of("n").st_size, 0);
  if (::geteuid() != 0) return;
  EXPECT_EQ(stat_of("b.txt").st_uid, 65534u);
  EXPECT_EQ(stat_of("b.txt").st_gid, 65534u);
  EXPECT_EQ(stat_of("n").st_uid, 1234u);
  EXPECT_EQ(stat_of("n").st_gid, ::getegid());
}

TEST_F(FileRoutes, UploadPairsInOrderWhenMetadataComeFirst) {
  FileAnswer answer = upload(form_part("metadata", metadata("one")) + form_part("metadata", metadata("two")) +
                             form_part("other", "ignored") + form_part("file", "1") + form_part("file", "2"));
  EXPECT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(content("one"), "1");
  EXPECT_EQ(content("two"), "2");
}

TEST_F(FileRoutes, UploadTargetComesFromTheMetadataOnly) {
  EXPECT_EQ(upload(pair(metadata("right"), "x", "../../../../tmp/wrong")).status, 200);
  EXPECT_EQ(upload(pair("{\"path\": \"relative.txt\"}", "x")).status, 200);
  EXPECT_EQ(upload(pair("{\"path\": \"$SUB/x\"}", "x")).status, 200);
  EXPECT_EQ(upload(pair("{\"path\": \"~/y\"}", "x")).status, 200);
  EXPECT_EQ(names(), (std::vector<std::string>{"home", "relative.txt", "right", "sub"}));
}

TEST_F(FileRoutes, UploadReplacesAndKeepsModeAndOwner) {
  write("f", "old content that is longer", 0640);
  ASSERT_TRUE(::geteuid() != 0 || ::chown((dir_ + "/f").c_str(), 1234, 4321) == 0);
  EXPECT_EQ(upload(pair(metadata("f"), "new")).status, 200);
  EXPECT_EQ(content("f"), "new");
  EXPECT_EQ(mode_of("f"), 0640u);
  if (::geteuid() == 0) {
    EXPECT_EQ(stat_of("f").st_uid, 1234u);
    EXPECT_EQ(stat_of("f").st_gid, 4321u);
  }
  EXPECT_EQ(upload(pair(metadata("f", ",\"mode\":0"), "newer")).status, 200);
  EXPECT_EQ(mode_of("f"), 0640u);
  EXPECT_EQ(upload(pair(metadata("fresh"), "x")).status, 200);
  EXPECT_EQ(mode_of("fresh"), 0755u);
}

TEST_F(FileRoutes, UploadThroughLinks) {
  write("target", "old", 0600);
  ASSERT_EQ(::symlink("target", (dir_ + "/link").c_str()), 0);
  ASSERT_EQ(::symlink("sub/fresh", (dir_ + "/dangling").c_str()), 0);
  ASSERT_EQ(::symlink("loop", (dir_ + "/loop").c_str()), 0);
  ASSERT_EQ(::mkdir((dir_ + "/sub").c_str(), 0755), 0);
  EXPECT_EQ(upload(pair(metadata("link"), "new")).status, 200);
  EXPECT_TRUE(S_ISLNK(stat_of("link").st_mode));
  EXPECT_EQ(content("target"), "new");
  EXPECT_EQ(upload(pair(metadata("dangling"), "there")).status, 200);
  EXPECT_EQ(content("sub/fresh"), "there");
  EXPECT_EQ(upload(pair(metadata("loop"), "x")).status, 400);
}

TEST_F(FileRoutes, UploadErrors) {
  auto code = [&](const std::string& parts, bool end = true) {
    FileAnswer answer = upload(parts, end);
    EXPECT_EQ(answer.status, 400) << answer.body;
    return answer.code();
  };
  EXPECT_EQ(code(pair("{\"mode\": 644}", "x")), "INVALID_FILE_METADATA");
  EXPECT_EQ(code(pair("{\"path\": \"\"}", "x")), "INVALID_FILE_METADATA");
  EXPECT_EQ(code(pair("{\"path\": 7}", "x")), "INVALID_FILE_METADATA");
  EXPECT_EQ(code(pair("not json", "x")), "INVALID_FILE_METADATA");
  EXPECT_EQ(code(pair("", "x")), "INVALID_FILE_METADATA");
  EXPECT_EQ(code(pair(metadata("f", ",\"mode\":888"), "x")), "INVALID_FILE_METADATA");
  EXPECT_EQ(code(pair(metadata("f", ",\"mode\":\"644\""), "x")), "INVALID_FILE_METADATA");
  EXPECT_EQ(code(pair(metadata("f/"), "x")), "INVALID_FILE_METADATA");
  EXPECT_EQ(code(pair(metadata("a\\u0000b"), "x")), "INVALID_FILE_METADATA");
  EXPECT_EQ(code(pair("{\"path\": \"$NOT_SET/x\"}", "x")), "INVALID_FILE_METADATA");
  EXPECT_EQ(code(pair(metadata(std::string(5000, 'a')), "x")), "INVALID_FILE_METADATA");
  EXPECT_EQ(code(pair(metadata(std::string(300, 'a')), "x")), "RUNTIME_ERROR");
  EXPECT_EQ(code(pair(std::string(70000, ' ') + metadata("f"), "x")), "INVALID_FILE_METADATA");
  EXPECT_EQ(code(form_part("file", "x")), "INVALID_FILE_METADATA");
  EXPECT_EQ(code(form_part("file", "x") + form_part("metadata", metadata("f"))), "INVALID_FILE_METADATA");
  EXPECT_EQ(code(form_part("metadata", metadata("f"))), "INVALID_FILE_CONTENT");
  EXPECT_EQ(code(""), "INVALID_FILE_METADATA");
  EXPECT_EQ(code(form_part("metadata", metadata("f")) + pair(metadata("g"), "x")), "INVALID_FILE");
  EXPECT_EQ(code("", false), "INVALID_FILE");
  EXPECT_EQ(code("junk", false), "INVALID_FILE");
  EXPECT_EQ(code(pair(metadata("cut"), "x"), false), "INVALID_FILE");
  EXPECT_EQ(call("POST", "/files/upload", "Content-Type: application/json\r\n", "{\"a\": 1}").code(),
            "INVALID_FILE");
  EXPECT_EQ(call("POST", "/files/upload", "", "x").code(), "INVALID_FILE");
  // What came before the error stays, what was cut off does not. ("f": the pair in front of the mismatch.)
  EXPECT_FALSE(exists("cut"));
  EXPECT_EQ(names(), std::vector<std::string>{"f"});
}

TEST_F(FileRoutes, UploadWithUnknownOwnerSucceeds) {
  EXPECT_EQ(upload(pair(metadata("e", ", \"owner\": \"no-such-user\""), "x")).status, 200);
  EXPECT_EQ(stat_of("e").st_uid, ::geteuid());
}

TEST_F(FileRoutes, UploadRefusesWhatIsNotAFile) {
  ASSERT_EQ(::mkdir((dir_ + "/sub").c_str(), 0755), 0);
  ASSERT_EQ(::mkfifo((dir_ + "/fifo").c_str(), 0644), 0);
  write("file", "x");
  for (const char* name :
       {"sub", "fifo", "file/below", ".", "../../../dev/null", "../../../proc/self/fd/1"}) {
    FileAnswer answer = upload(pair(metadata(name), "x"));
    EXPECT_EQ(answer.status, 400) << name << answer.body;
    EXPECT_EQ(answer.code(), "RUNTIME_ERROR");
  }
  EXPECT_EQ(names(), (std::vector<std::string>{"fifo", "file", "sub"}));
}

TEST_F(FileRoutes, UploadInChunksOfAnySize) {
  std::string data;
  for (int i = 0; i < 3'000'000; ++i) data += static_cast<char>(i % 3 ? '\r' : i % 251);
  std::string form = pair(metadata("big"), data) + "--XBOUNDX--\r\n";
  int fd = connect();
  put(fd,
      "POST /files/upload HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n"
      "Content-Type: multipart/form-data; boundary=XBOUNDX\r\n\r\n");
  size_t step = 1;
  for (size_t at = 0; at < form.size(); step = step * 7 % 65521 + 1) {
    std::string piece = form.substr(at, step);
    at += piece.size();
    char size[32];
    snprintf(size, sizeof size, "%zx\r\n", piece.size());
    put(fd, size + piece + "\r\n");
  }
  put(fd, "0\r\n\r\n");
  FileAnswer answer = read_answer(fd);
  ::close(fd);
  EXPECT_EQ(answer.status, 200) << answer.body;
  EXPECT_TRUE(content("big") == data);
}

TEST_F(FileRoutes, UploadChecksTheLengthThatAPartPromises) {
  auto part = [](const std::string& length, const std::string& content) {
    return "--XBOUNDX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\nContent-Length: " +
           length + "\r\n\r\n" + content + "\r\n";
  };
  write("kept", "old");
  std::string front = form_part("metadata", metadata("kept"));
  for (const char* wrong : {"2", "4", "0", "18446744073709551615"}) {
    FileAnswer answer = upload(front + part(wrong, "new"));
    EXPECT_EQ(answer.status, 400) << wrong;
    EXPECT_EQ(answer.code(), "INVALID_FILE");
  }
  EXPECT_EQ(upload(front + part("three", "new")).code(), "INVALID_FILE");
  EXPECT_EQ(content("kept"), "old");
  EXPECT_EQ(names(), std::vector<std::string>{"kept"});
  EXPECT_EQ(upload(front + part("3", "new")).status, 200);
  EXPECT_EQ(content("kept"), "new");
}

// What released clients send: a form of known length with the whole path as file name, and chunks with the
// base name, the path in the metadata alone.
TEST_F(FileRoutes, UploadInBothFormsOfReleasedClients) {
  std::string type =
      "Content-Type: multipart/form-data; boundary=opensandbox_0123456789abcdef_1795259546\r\n";
  auto form = [&](const std::string& path, const std::string& filename) {
    std::string line = "--opensandbox_0123456789abcdef_1795259546";
    return line +
           "\r\nContent-Disposition: form-data; name=\"metadata\"; filename=\"metadata\"\r\nContent-Type: "
           "application/json\r\n\r\n{\"path\": \"" +
           path + "\", \"owner\": null, \"group\": null, \"mode\": 755}\r\n" + line +
           "\r\nContent-Disposition: form-data; name=\"file\"; filename=\"" + filename +
           "\"\r\nContent-Type: application/octet-stream\r\n\r\ncontent\r\n" + line + "--\r\n";
  };
  EXPECT_EQ(call("POST", "/files/upload", type, form(dir_ + "/d/one", dir_ + "/d/one")).status, 200);
  std::string chunked = form(dir_ + "/d/two", "two");
  char size[32];
  snprintf(size, sizeof size, "%zx\r\n", chunked.size());
  EXPECT_EQ(
      send("POST /files/upload HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n" +
           type + "\r\n" + size + chunked + "\r\n0\r\n\r\n")
          .status,
      200);
  for (const char* name : {"d/one", "d/two"}) {
    EXPECT_EQ(content(name), "content");
    EXPECT_EQ(mode_of(name), 0755u);
  }
}

TEST_F(FileRoutes, BrokenUploadLeavesNothing) {
  write("kept", "old");
  std::string begin =
      form_part("metadata", metadata("kept")) + form_part("file", std::string(1'000'000, 'x'));
  begin.resize(begin.size() - 2);
  int fd = connect();
  put(fd,
      "POST /files/upload HTTP/1.1\r\nHost: x\r\nContent-Length: 5000000\r\n"
      "Content-Type: multipart/form-data; boundary=XBOUNDX\r\n\r\n" +
          begin);
  ::close(fd);
  // The server notices on its own time; a nameless file is not even seen while it is written.
  for (int i = 0; i < 200 && names() != std::vector<std::string>{"kept"}; ++i) ::usleep(10000);
  EXPECT_EQ(names(), std::vector<std::string>{"kept"});
  EXPECT_EQ(content("kept"), "old");
}

TEST_F(FileRoutes, UploadToAFullDisk) {
  if (!mount_tmpfs("size=1m")) GTEST_SKIP() << "mounting is not allowed here";
  FileAnswer answer = upload(pair(metadata("mnt/big"), std::string(3'000'000, 'x')));
  EXPECT_EQ(answer.status, 500);
  EXPECT_EQ(answer.code(), "DISK_FULL");
  EXPECT_THAT(names("mnt"), IsEmpty());
}

TEST_F(FileRoutes, UploadToAMountedFileRewritesIt) {
  write("source", "old and longer");
  write("target", "hidden", 0600);
  std::string source = dir_ + "/source", target = dir_ + "/target";
  if (::mount(source.c_str(), target.c_str(), nullptr, MS_BIND, nullptr) != 0)
    GTEST_SKIP() << "mounting is not allowed here";
  FileAnswer answer = upload(pair(metadata("target"), "new"));
  EXPECT_EQ(post("/files/replace", "{\"" + target + "\":{\"old\":\"new\",\"new\":\"newer\"}}").status, 200);
  EXPECT_EQ(::umount2(target.c_str(), MNT_DETACH), 0);
  EXPECT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(content("source"), "newer");
  EXPECT_EQ(content("target"), "hidden");
  EXPECT_EQ(names(), (std::vector<std::string>{"source", "target"}));
}

TEST_F(FileRoutes, DownloadWhole) {
  write("a.txt", "hello world");
  FileAnswer answer = download("a.txt");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "hello world");
  EXPECT_EQ(answer.header("Content-Type"), "application/octet-stream");
  EXPECT_EQ(answer.header("Content-Disposition"), "attachment; filename=\"a.txt\"");
  EXPECT_EQ(answer.header("Accept-Ranges"), "bytes");
  EXPECT_THAT(answer.header("Last-Modified"),
              testing::MatchesRegex("[A-Z][a-z][a-z], [0-9]+ [A-Z][a-z]+ 20[0-9]+ .* GMT"));
}

TEST_F(FileRoutes, DownloadRanges) {
  write("a.txt", "hello world");
  struct {
    const char *range, *body, *content_range;
  } cases[] = {{"bytes=2-4", "llo", "bytes 2-4/11"},
               {"bytes=-3", "rld", "bytes 8-10/11"},
               {"bytes=6-", "world", "bytes 6-10/11"},
               {"bytes=90-,0-0", "h", "bytes 0-0/11"}};
  for (const auto& c : cases) {
    FileAnswer answer = download("a.txt", "", std::string("Range: ") + c.range + "\r\n");
    EXPECT_EQ(answer.status, 206);
    EXPECT_EQ(answer.body, c.body);
    EXPECT_EQ(answer.header("Content-Range"), c.content_range);
    EXPECT_EQ(answer.header("Content-Type"), "application/octet-stream");
  }
  for (const char* bad : {"bytes=50-60", "bytes=x", "lines=1-2"}) {
    FileAnswer answer = download("a.txt", "", std::string("Range: ") + bad + "\r\n");
    EXPECT_EQ(answer.status, 416);
    EXPECT_EQ(answer.header("Content-Range"), "bytes */11");
    EXPECT_EQ(answer.code(), std::string(bad) == "bytes=50-60" ? "RANGE_NOT_SATISFIABLE" : "UNKNOWN");
  }
  write("empty", "");
  EXPECT_EQ(download("empty", "", "Range: bytes=0-5\r\n").status, 200);
}

TEST_F(FileRoutes, DownloadUnderConditions) {
  write("a.txt", "hello world");
  timespec times[2] = {{1, 0}, {1795259546, 623814372}};
  ASSERT_EQ(::utimensat(AT_FDCWD, (dir_ + "/a.txt").c_str(), times, 0), 0);
  const std::string date = "Sat, 21 Nov 2026 11:12:26 GMT", before = "Sat, 21 Nov 2026 11:12:25 GMT";
  std::string etag = download("a.txt").header("ETag");
  EXPECT_THAT(etag, testing::MatchesRegex("\".+\""));
  EXPECT_EQ(download("a.txt").header("Last-Modified"), date);
  auto ask = [&](const std::string& headers) {
    int fd = connect();
    put(fd, "GET /files/download" + query("a.txt") + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" +
                headers + "\r\n");
    FileAnswer answer = read_answer(fd);
    ::close(fd);
    return answer;
  };
  FileAnswer kept = ask("If-Modified-Since: " + date + "\r\n");
  EXPECT_EQ(kept.status, 304);
  EXPECT_EQ(kept.body, "");
  EXPECT_EQ(kept.header("ETag"), etag);
  EXPECT_EQ(ask("If-None-Match: " + etag + "\r\n").status, 304);
  EXPECT_EQ(ask("If-Modified-Since: " + before + "\r\n").body, "hello world");
  FileAnswer failed = ask("If-Unmodified-Since: " + before + "\r\n");
  EXPECT_EQ(failed.status, 412);
  EXPECT_EQ(failed.code(), "PRECONDITION_FAILED");
  EXPECT_EQ(ask("If-Range: " + etag + "\r\nRange: bytes=6-\r\n").body, "world");
  EXPECT_EQ(ask("If-Range: " + date + "\r\nRange: bytes=6-\r\n").status, 206);
  // Another version by now: all of it, from its start.
  write("a.txt", "hello again");
  EXPECT_EQ(ask("If-Range: " + etag + "\r\nRange: bytes=6-\r\n").status, 200);
  EXPECT_EQ(ask("If-Range: " + etag + "\r\nRange: bytes=6-\r\n").body, "hello again");
  EXPECT_EQ(ask("If-Match: " + etag + "\r\n").status, 412);
}

TEST_F(FileRoutes, DownloadOfABigFile) {
  std::string data;
  for (int i = 0; i < 400'000; ++i) data += "line " + std::to_string(i) + "\n";
  write("big", data);
  EXPECT_TRUE(download("big").body == data);
  FileAnswer answer = download("big", "", "Range: bytes=1000000-2999999\r\n");
  EXPECT_EQ(answer.status, 206);
  EXPECT_TRUE(answer.body == data.substr(1000000, 2000000));
  EXPECT_EQ(download("big", "", "Range: bytes=9999999-\r\n").status, 416);
  EXPECT_EQ(download("big", "&offset=399999").body, "line 399998\nline 399999");
  EXPECT_EQ(download("big", "&offset=2&limit=2").body, "line 1\nline 2");
  FileAnswer many = download("big", "&limit=300000");
  EXPECT_TRUE(data.starts_with(many.body + "\nline 300000\n"));
  EXPECT_EQ(many.header("Content-Type"), "text/plain; charset=utf-8");
  EXPECT_EQ(download("big", "&offset=400001").body, "");
}

TEST_F(FileRoutes, DownloadLines) {
  write("c.bin", "a\nb\nc\nd\n");
  FileAnswer answer = download("c.bin", "&offset=2&limit=2");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "b\nc");
  EXPECT_EQ(answer.header("Content-Type"), "text/plain; charset=utf-8");
  EXPECT_EQ(download("c.bin", "&limit=1").body, "a");
  EXPECT_EQ(download("c.bin", "&offset=9").status, 200);
  EXPECT_EQ(download("c.bin", "&offset=9").body, "");
  EXPECT_EQ(download("c.bin", "&offset=1", "Range: bytes=0-1\r\n").status, 400);
  for (const char* bad : {"&offset=0", "&offset=-1", "&offset=x", "&offset=", "&limit=0", "&limit=1.5",
                          "&offset=99999999999999999999"})
    EXPECT_EQ(download("c.bin", bad).status, 400) << bad;
}

TEST_F(FileRoutes, DownloadNamesCannotBreakTheHeader) {
  write("a \"b\\.txt", "1");
  EXPECT_EQ(download("a \"b\\.txt").header("Content-Disposition"),
            "attachment; filename=\"a \\\"b\\\\.txt\"");
  write("x\r\nSet-Cookie: a=b", "2");
  FileAnswer answer = download("x\r\nSet-Cookie: a=b");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.header("Set-Cookie"), "");
  EXPECT_THAT(answer.header("Content-Disposition"), HasSubstr("filename*=UTF-8''x%0D%0ASet-Cookie"));
  write("日本.txt", "3");
  EXPECT_EQ(download("日本.txt").header("Content-Disposition"),
            "attachment; filename=\"%E6%97%A5%E6%9C%AC.txt\"; filename*=UTF-8''%E6%97%A5%E6%9C%AC.txt");
}

TEST_F(FileRoutes, DownloadErrors) {
  FileAnswer answer = get("/files/download");
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(answer.code(), "MISSING_QUERY");
  EXPECT_EQ(get("/files/download?path=").code(), "MISSING_QUERY");
  for (const char* missing : {"none", "none/deeper", "file/below"}) {
    write("file", "x");
    answer = download(missing);
    EXPECT_EQ(answer.status, 404) << missing;
    EXPECT_EQ(answer.code(), "FILE_NOT_FOUND");
  }
  ASSERT_EQ(::mkfifo((dir_ + "/fifo").c_str(), 0644), 0);
  ASSERT_EQ(::mkdir((dir_ + "/sub").c_str(), 0755), 0);
  int socket = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  snprintf(address.sun_path, sizeof address.sun_path, "%s/socket", dir_.c_str());
  ASSERT_EQ(::bind(socket, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  for (const char* name : {"fifo", "sub", "socket", "", "../../dev/zero", "../../dev/tty"}) {
    answer = download(name);
    EXPECT_EQ(answer.status, 400) << name << answer.body;
  }
  ::close(socket);
  EXPECT_EQ(download("../../proc/self/fd/0").status, 400);  // a magic link
  EXPECT_EQ(get("/files/download?path=/a%00b").status, 400);
  EXPECT_EQ(get("/files/download?path=" + std::string(5000, 'a')).status, 400);
  EXPECT_EQ(get("/files/download?path=" + std::string(300, 'a')).status, 400);
  EXPECT_EQ(get("/files/download?path=$NOT_SET").status, 400);
}

TEST_F(FileRoutes, DownloadOfKernelFilesWithoutASize) {
  EXPECT_THAT(get("/files/download?path=/proc/version").body, HasSubstr("Linux"));
  EXPECT_THAT(get("/files/download?path=/proc/self/status").body, HasSubstr("Threads:"));
  FileAnswer answer = get("/files/download?path=/proc/version", "Range: bytes=0-4\r\n");
  EXPECT_EQ(answer.status, 206);
  EXPECT_EQ(answer.body, "Linux");
  FileAnswer big = get("/files/download?path=/proc/kallsyms");  // several MB where it is readable
  EXPECT_EQ(big.status, 200);
  if (big.body.size() > 300'000) {
    EXPECT_EQ(big.header("Transfer-Encoding"), "chunked");
  }
}

TEST_F(FileRoutes, DownloadThatGrowsEndsWhereItSaid) {
  constexpr size_t kSize = 64'000'000;
  write("big", "");
  ASSERT_EQ(::truncate((dir_ + "/big").c_str(), kSize), 0);
  int fd = connect();
  put(fd, "GET /files/download" + query("big") + " HTTP/1.1\r\nHost: x\r\n\r\n" + "GET /files/download" +
              query("none") + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  char head[64];
  ASSERT_GT(::recv(fd, head, sizeof head, MSG_PEEK), 0);
  ASSERT_EQ(::truncate((dir_ + "/big").c_str(), 2 * kSize), 0);
  FileAnswer answer = read_answer(fd);
  ::close(fd);
  EXPECT_EQ(answer.header("Content-Length"), std::to_string(kSize));
  ASSERT_GT(answer.body.size(), kSize);
  EXPECT_TRUE(answer.body.substr(kSize).starts_with("HTTP/1.1 404 ")) << "the next answer follows at once";
}

TEST_F(FileRoutes, DownloadThatShrinksBreaksTheConnection) {
  write("big", "");
  ASSERT_EQ(::truncate((dir_ + "/big").c_str(), 200'000'000), 0);
  int fd = connect();
  int small = 64 * 1024;
  ::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
  put(fd, "GET /files/download" + query("big") + " HTTP/1.1\r\nHost: x\r\n\r\n");
  char head[64];
  ASSERT_GT(::recv(fd, head, sizeof head, MSG_PEEK), 0);
  ASSERT_EQ(::truncate((dir_ + "/big").c_str(), 1000), 0);
  FileAnswer answer = read_answer(fd);
  ::close(fd);
  EXPECT_EQ(answer.status, 200);
  EXPECT_FALSE(answer.complete);
}

}  // namespace
}  // namespace osb::execd
