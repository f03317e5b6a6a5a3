// The routes as a client sees them: a server on loopback in a thread of its own, plain blocking sockets on
// this side.
#include "execd/files/file_routes.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "base/json.h"
#include "http/server.h"
#include "net/loop.h"

namespace osb::execd {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

struct Answer {
  int status = 0;  // 0: the connection broke before an answer was complete
  std::string head;
  std::string body;
  bool complete = false;

  std::string header(const std::string& name) const {
    size_t at = head.find("\r\n" + name + ": ");
    if (at == std::string::npos) return "";
    at += name.size() + 4;
    return head.substr(at, head.find("\r\n", at) - at);
  }
  std::string code() const {
    json::Value value = json::parse(body);
    return std::string(value.as_object().at("code").as_string());
  }
};

class FileRoutes : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/osb-files-XXXXXX";
    ASSERT_TRUE(::mkdtemp(name));
    dir_ = name;
    add_file_routes(router_, {dir_, {{"HOME", dir_ + "/home"}, {"SUB", "sub"}}});
    auto handler = [this](http::Request& request, http::ResponseWriter& response) {
      const http::Handler* found = nullptr;
      std::vector<std::string_view> allowed;
      if (router_.find(request, found, allowed) != http::Router::Match::found)
        throw Error(ErrorCode::not_found, "no route");
      return (*found)(request, response);
    };
    server_ = std::make_unique<http::Server>(loop_.executor(), handler);
    auto listener = net::listen_tcp(loop_.executor(), "127.0.0.1", 0);
    port_ = listener->port();
    server_->serve(std::move(listener));
    thread_ = std::thread([this] { loop_.run(); });
  }
  void TearDown() override {
    loop_.stop();
    if (thread_.joinable()) thread_.join();
    server_.reset();
    ::umount2((dir_ + "/mnt").c_str(), MNT_DETACH);
    fs::remove_all(dir_);
  }

  int connect() {
    int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port_);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
    timeval limit{20, 0};
    ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    return fd;
  }

  static void put(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
      ssize_t n = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return;  // the server may refuse before everything was sent
      bytes.remove_prefix(static_cast<size_t>(n));
    }
  }

  static Answer read_answer(int fd) {
    std::string all(1 << 16, '\0');
    size_t size = 0;
    for (ssize_t n; (n = ::recv(fd, all.data() + size, all.size() - size, 0)) > 0;) {
      size += static_cast<size_t>(n);
      if (size == all.size()) all.resize(size * 2);
    }
    all.resize(size);
    Answer answer;
    size_t end = all.find("\r\n\r\n");
    if (end == std::string::npos) return answer;
    answer.head = all.substr(0, end + 2);
    answer.status = atoi(all.c_str() + 9);
    std::string rest = all.substr(end + 4);
    if (answer.header("Transfer-Encoding") == "chunked") {
      while (true) {
        size_t line = rest.find("\r\n");
        if (line == std::string::npos) return answer;
        size_t length = strtoul(rest.c_str(), nullptr, 16);
        if (rest.size() < line + 4 + length) return answer;
        answer.body += rest.substr(line + 2, length);
        rest.erase(0, line + 4 + length);
        if (length == 0) break;
      }
      answer.complete = rest.empty();
    } else {
      answer.body = rest;
      answer.complete = std::to_string(rest.size()) == answer.header("Content-Length");
    }
    return answer;
  }

  Answer send(const std::string& request) {
    int fd = connect();
    put(fd, request);
    Answer answer = read_answer(fd);
    ::close(fd);
    EXPECT_TRUE(answer.complete) << request.substr(0, 200) << "\n--\n"
                                 << answer.head << answer.body.substr(0, 500);
    return answer;
  }
  Answer call(const std::string& method, const std::string& target, const std::string& headers = "",
              const std::string& body = "") {
    std::string length =
        body.empty() && method != "POST" ? "" : "Content-Length: " + std::to_string(body.size()) + "\r\n";
    return send(method + " " + target + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + headers + length +
                "\r\n" + body);
  }
  Answer get(const std::string& target, const std::string& headers = "") {
    return call("GET", target, headers);
  }
  Answer post(const std::string& target, const std::string& body) {
    return call("POST", target, "Content-Type: application/json\r\n", body);
  }
  Answer download(const std::string& name, const std::string& query = "", const std::string& headers = "") {
    return get("/files/download?path=" + http::percent_encode(dir_ + "/" + name) + query, headers);
  }

  static std::string form_part(const std::string& name, const std::string& content,
                               const std::string& filename = "f") {
    return "--XBOUNDX\r\nContent-Disposition: form-data; name=\"" + name + "\"; filename=\"" + filename +
           "\"\r\n\r\n" + content + "\r\n";
  }
  static std::string pair(const std::string& metadata, const std::string& content,
                          const std::string& filename = "f") {
    return form_part("metadata", metadata, "metadata") + form_part("file", content, filename);
  }
  Answer upload(const std::string& parts, bool end = true) {
    return call("POST", "/files/upload", "Content-Type: multipart/form-data; boundary=XBOUNDX\r\n",
                parts + (end ? "--XBOUNDX--\r\n" : ""));
  }
  std::string metadata(const std::string& name, const std::string& more = "") {
    return "{\"path\": \"" + dir_ + "/" + name + "\"" + more + "}";
  }

  void write(const std::string& name, const std::string& content, mode_t mode = 0644) {
    fs::create_directories(fs::path(dir_ + "/" + name).parent_path());
    std::ofstream(dir_ + "/" + name, std::ios::binary) << content;
    ::chmod((dir_ + "/" + name).c_str(), mode);
  }
  std::string content(const std::string& name) {
    std::ifstream in(dir_ + "/" + name, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(in), {});
  }
  struct stat stat_of(const std::string& name) {
    struct stat st{};
    EXPECT_EQ(::lstat((dir_ + "/" + name).c_str(), &st), 0) << name;
    return st;
  }
  mode_t mode_of(const std::string& name) { return stat_of(name).st_mode & 07777; }
  bool exists(const std::string& name) {
    struct stat st{};
    return ::lstat((dir_ + "/" + name).c_str(), &st) == 0;
  }
  std::vector<std::string> names(const std::string& name = "") {
    std::vector<std::string> out;
    for (const auto& entry : fs::directory_iterator(dir_ + "/" + name))
      out.push_back(entry.path().filename());
    std::sort(out.begin(), out.end());
    return out;
  }
  // Base names of a JSON list of entries, in order.
  std::vector<std::string> listed(const Answer& answer) {
    std::vector<std::string> out;
    json::Value value = json::parse(answer.body);
    for (const json::Value& entry : value.as_array()) {
      std::string path(entry.as_object().at("path").as_string());
      EXPECT_TRUE(path.starts_with(dir_ + "/")) << path;
      out.push_back(path.substr(std::min(dir_.size() + 1, path.size())));
    }
    return out;
  }
  std::string query(const std::string& name) { return "?path=" + http::percent_encode(dir_ + "/" + name); }
  // Mounts a small tmpfs at `mnt`; false where that is not allowed.
  bool mount_tmpfs(const char* options) {
    ::mkdir((dir_ + "/mnt").c_str(), 0755);
    return ::mount("osb-files-test", (dir_ + "/mnt").c_str(), "tmpfs", 0, options) == 0;
  }

  std::string dir_;
  http::Router router_;
  net::Loop loop_;
  std::unique_ptr<http::Server> server_;
  uint16_t port_ = 0;
  std::thread thread_;
};

// ---- upload

TEST_F(FileRoutes, UploadMakesParentsAndSetsTheMode) {
  Answer answer = upload(pair(metadata("d/e/a.txt", ", \"mode\": 644"), "hello world", "a.txt"));
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.header("Content-Length"), "0");
  EXPECT_EQ(content("d/e/a.txt"), "hello world");
  EXPECT_EQ(mode_of("d/e/a.txt"), 0644u);
  EXPECT_EQ(mode_of("d/e"), 0755u);
  EXPECT_EQ(names("d/e"), std::vector<std::string>{"a.txt"});
}

TEST_F(FileRoutes, UploadOfSeveralFilesWithOwners) {
  Answer answer =
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
  Answer answer = upload(form_part("metadata", metadata("one")) + form_part("metadata", metadata("two")) +
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
    Answer answer = upload(parts, end);
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
    Answer answer = upload(pair(metadata(name), "x"));
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
  Answer answer = read_answer(fd);
  ::close(fd);
  EXPECT_EQ(answer.status, 200) << answer.body;
  EXPECT_TRUE(content("big") == data);
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
  Answer answer = upload(pair(metadata("mnt/big"), std::string(3'000'000, 'x')));
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
  Answer answer = upload(pair(metadata("target"), "new"));
  EXPECT_EQ(post("/files/replace", "{\"" + target + "\":{\"old\":\"new\",\"new\":\"newer\"}}").status, 200);
  EXPECT_EQ(::umount2(target.c_str(), MNT_DETACH), 0);
  EXPECT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(content("source"), "newer");
  EXPECT_EQ(content("target"), "hidden");
  EXPECT_EQ(names(), (std::vector<std::string>{"source", "target"}));
}

// ---- download

TEST_F(FileRoutes, DownloadWhole) {
  write("a.txt", "hello world");
  Answer answer = download("a.txt");
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
    Answer answer = download("a.txt", "", std::string("Range: ") + c.range + "\r\n");
    EXPECT_EQ(answer.status, 206);
    EXPECT_EQ(answer.body, c.body);
    EXPECT_EQ(answer.header("Content-Range"), c.content_range);
    EXPECT_EQ(answer.header("Content-Type"), "application/octet-stream");
  }
  for (const char* bad : {"bytes=50-60", "bytes=x", "lines=1-2"}) {
    Answer answer = download("a.txt", "", std::string("Range: ") + bad + "\r\n");
    EXPECT_EQ(answer.status, 416);
    EXPECT_EQ(answer.header("Content-Range"), "bytes */11");
    EXPECT_EQ(answer.code(), std::string(bad) == "bytes=50-60" ? "RANGE_NOT_SATISFIABLE" : "UNKNOWN");
  }
  write("empty", "");
  EXPECT_EQ(download("empty", "", "Range: bytes=0-5\r\n").status, 200);
}

TEST_F(FileRoutes, DownloadOfABigFile) {
  std::string data;
  for (int i = 0; i < 400'000; ++i) data += "line " + std::to_string(i) + "\n";
  write("big", data);
  EXPECT_TRUE(download("big").body == data);
  Answer answer = download("big", "", "Range: bytes=1000000-2999999\r\n");
  EXPECT_EQ(answer.status, 206);
  EXPECT_TRUE(answer.body == data.substr(1000000, 2000000));
  EXPECT_EQ(download("big", "", "Range: bytes=9999999-\r\n").status, 416);
  EXPECT_EQ(download("big", "&offset=399999").body, "line 399998\nline 399999");
  EXPECT_EQ(download("big", "&offset=2&limit=2").body, "line 1\nline 2");
  Answer many = download("big", "&limit=300000");
  EXPECT_TRUE(data.starts_with(many.body + "\nline 300000\n"));
  EXPECT_EQ(many.header("Content-Type"), "text/plain; charset=utf-8");
  EXPECT_EQ(download("big", "&offset=400001").body, "");
}

TEST_F(FileRoutes, DownloadLines) {
  write("c.bin", "a\nb\nc\nd\n");
  Answer answer = download("c.bin", "&offset=2&limit=2");
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
  Answer answer = download("x\r\nSet-Cookie: a=b");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.header("Set-Cookie"), "");
  EXPECT_THAT(answer.header("Content-Disposition"), HasSubstr("filename*=UTF-8''x%0D%0ASet-Cookie"));
  write("日本.txt", "3");
  EXPECT_EQ(download("日本.txt").header("Content-Disposition"),
            "attachment; filename=\"%E6%97%A5%E6%9C%AC.txt\"; filename*=UTF-8''%E6%97%A5%E6%9C%AC.txt");
}

TEST_F(FileRoutes, DownloadErrors) {
  Answer answer = get("/files/download");
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
  Answer answer = get("/files/download?path=/proc/version", "Range: bytes=0-4\r\n");
  EXPECT_EQ(answer.status, 206);
  EXPECT_EQ(answer.body, "Linux");
  Answer big = get("/files/download?path=/proc/kallsyms");  // several MB where it is readable
  EXPECT_EQ(big.status, 200);
  if (big.body.size() > 300'000) {
    EXPECT_EQ(big.header("Transfer-Encoding"), "chunked");
  }
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
  Answer answer = read_answer(fd);
  ::close(fd);
  EXPECT_EQ(answer.status, 200);
  EXPECT_FALSE(answer.complete);
}

// ---- info, search, list

TEST_F(FileRoutes, Info) {
  write("a.txt", "hello world", 0640);
  ASSERT_EQ(::symlink("nowhere", (dir_ + "/link").c_str()), 0);
  ASSERT_EQ(::mkdir((dir_ + "/sub").c_str(), 0755), 0);
  ASSERT_EQ(::chmod((dir_ + "/sub").c_str(), 01777), 0);
  timespec times[2] = {{1, 0}, {1795259546, 623814372}};
  ASSERT_EQ(::utimensat(AT_FDCWD, (dir_ + "/a.txt").c_str(), times, 0), 0);
  Answer answer = get("/files/info" + query("a.txt") + "&path=link&path=sub");
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
  Answer answer = get("/files/search" + query(""));
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
    Answer answer = get("/files/search" + query("") + "&pattern=f");
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
    Answer answer = get("/directories/list" + query("") + bad);
    EXPECT_EQ(answer.status, 400) << bad;
    EXPECT_EQ(answer.code(), "INVALID_REQUEST_BODY");
  }
  EXPECT_EQ(get("/directories/list" + query("link")).status, 400);
  EXPECT_EQ(get("/directories/list" + query("b")).status, 400);
  EXPECT_EQ(get("/directories/list" + query("none")).code(), "FILE_NOT_FOUND");
  EXPECT_EQ(get("/directories/list").code(), "MISSING_QUERY");
}

// ---- replace, permissions, move

TEST_F(FileRoutes, Replace) {
  write("a", "one two one", 0751);
  write("b", "nothing");
  auto before = stat_of("b");
  std::string a = dir_ + "/a", b = dir_ + "/b";
  Answer answer = post("/files/replace", "{\"" + a + "\":{\"old\":\"one\",\"new\":\"three\"}}");
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
  Answer answer = post("/files/replace?verbose=true", R"({"big":{"old":"needle","new":"pin"}})");
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
  Answer answer = post("/files/permissions", R"({"none":{"mode":600}})");
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
  Answer answer = post("/files/mv", R"([{"src":"none","dest":"z"}])");
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
  Answer answer =
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

// ---- delete, directories

TEST_F(FileRoutes, DeleteFiles) {
  write("z.txt", "x");
  write("sub/kept", "x");
  ASSERT_EQ(::symlink("nowhere", (dir_ + "/dangling").c_str()), 0);
  ASSERT_EQ(::symlink("sub", (dir_ + "/dirlink").c_str()), 0);
  Answer answer = call("DELETE", "/files" + query("z.txt") + "&path=dangling&path=dirlink");
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
