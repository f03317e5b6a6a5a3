// The file API as a client sees it: a server on loopback in a thread of its own, plain blocking sockets on
// this side, and a directory of its own for each test.
#pragma once

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
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/json.h"
#include "execd/files/file_routes.h"
#include "http/server.h"
#include "net/loop.h"

namespace osb::execd::test {

namespace fs = std::filesystem;

struct FileAnswer {
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
    add_file_routes(router_, executions_, {dir_, {{"HOME", dir_ + "/home"}, {"SUB", "sub"}}, watch_limits_});
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

  static FileAnswer read_answer(int fd) {
    std::string all(1 << 16, '\0');
    size_t size = 0;
    for (ssize_t n; (n = ::recv(fd, all.data() + size, all.size() - size, 0)) > 0;) {
      size += static_cast<size_t>(n);
      if (size == all.size()) all.resize(size * 2);
    }
    all.resize(size);
    FileAnswer answer;
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

  FileAnswer send(const std::string& request) {
    int fd = connect();
    put(fd, request);
    FileAnswer answer = read_answer(fd);
    ::close(fd);
    EXPECT_TRUE(answer.complete) << request.substr(0, 200) << "\n--\n"
                                 << answer.head << answer.body.substr(0, 500);
    return answer;
  }
  FileAnswer call(const std::string& method, const std::string& target, const std::string& headers = "",
                  const std::string& body = "") {
    std::string length =
        body.empty() && method != "POST" ? "" : "Content-Length: " + std::to_string(body.size()) + "\r\n";
    return send(method + " " + target + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + headers + length +
                "\r\n" + body);
  }
  FileAnswer get(const std::string& target, const std::string& headers = "") {
    return call("GET", target, headers);
  }
  FileAnswer post(const std::string& target, const std::string& body) {
    return call("POST", target, "Content-Type: application/json\r\n", body);
  }
  FileAnswer download(const std::string& name, const std::string& query = "",
                      const std::string& headers = "") {
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
  FileAnswer upload(const std::string& parts, bool end = true) {
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
  std::vector<std::string> listed(const FileAnswer& answer) {
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
  WatchLimits watch_limits_;
  net::Loop loop_;
  Executions executions_{loop_.executor()};
  http::Router router_;
  std::unique_ptr<http::Server> server_;
  uint16_t port_ = 0;
  std::thread thread_;
};

}  // namespace osb::execd::test
