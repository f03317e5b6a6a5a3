// Watch streams through the routes.
#include "execd/files/file_world_for_tests.h"

namespace osb::execd {
namespace {

using namespace test;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// A stream that is read event by event.
class Stream {
 public:
  explicit Stream(int fd) : fd_(fd) {}
  ~Stream() { close(); }
  Stream(const Stream&) = delete;
  void close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }

  // The next event that is no ping; null at the end.
  json::Value next() {
    while (true) {
      size_t end = text_.find("\n\n");
      if (end != std::string::npos) {
        json::Value event = json::parse(text_.substr(0, end));
        text_.erase(0, end + 2);
        if (event.at("type") != "ping") return event;
      } else if (ended_ || !read_chunk()) {
        return nullptr;
      }
    }
  }
  // "created 2 sub/f" with the eid, up to `count` of them.
  std::vector<std::string> take(const std::string& dir, size_t count) {
    std::vector<std::string> out;
    while (out.size() < count) {
      json::Value event = next();
      if (event.is_null()) break;
      std::string line(event.at("type").as_string());
      line += " " + std::to_string(event.at("eid").as_int64());
      for (const char* name : {"path", "from", "to"})
        if (auto* value = event.as_object().if_contains(name)) {
          std::string path(value->as_string());
          line += " " + path.substr(std::min(dir.size() + 1, path.size()));
        }
      out.push_back(line);
    }
    return out;
  }
  int status() {
    while (status_ == 0 && read_chunk()) {}
    return status_;
  }

 private:
  bool read_chunk() {
    char block[4096];
    ssize_t n = ::recv(fd_, block, sizeof block, 0);
    if (n <= 0) return false;
    raw_.append(block, static_cast<size_t>(n));
    if (status_ == 0) {
      size_t end = raw_.find("\r\n\r\n");
      if (end == std::string::npos) return true;
      status_ = atoi(raw_.c_str() + 9);
      raw_.erase(0, end + 4);
    }
    // Chunks of a line with the size, the bytes, and an empty line.
    for (size_t line; (line = raw_.find("\r\n")) != std::string::npos;) {
      size_t size = strtoul(raw_.c_str(), nullptr, 16);
      if (raw_.size() < line + size + 4) break;
      text_ += raw_.substr(line + 2, size);
      raw_.erase(0, line + size + 4);
      ended_ = ended_ || size == 0;
    }
    return true;
  }

  int fd_;
  int status_ = 0;
  bool ended_ = false;
  std::string raw_, text_;
};

class WatchRoutes : public FileRoutes {
 protected:
  std::unique_ptr<Stream> open(const std::string& target) {
    int fd = connect();
    put(fd, "GET " + target + " HTTP/1.1\r\nHost: x\r\n\r\n");
    return std::make_unique<Stream>(fd);
  }
  // A watch that has begun; its id.
  std::unique_ptr<Stream> watch(std::string& id, const std::string& more = "",
                                const std::string& prefix = "") {
    auto stream = open(prefix + "/files/watch" + query("") + more);
    json::Value init = stream->next();
    if (init.is_null()) return stream;
    EXPECT_EQ(init.at("type"), "init");
    EXPECT_EQ(init.at("eid"), 1);
    id = init.at("execution_id").as_string();
    EXPECT_EQ(init.at("text").as_string(), id);
    return stream;
  }
};

TEST_F(WatchRoutes, ChangesAreEvents) {
  std::string id;
  auto stream = watch(id, "&recursive=true");
  write("sub/f", "x", 0644);
  EXPECT_EQ(stream->status(), 200);
  EXPECT_THAT(stream->take(dir_, 2), ElementsAre("created 2 sub", "created 3 sub/f"));
  ASSERT_EQ(::rename((dir_ + "/sub").c_str(), (dir_ + "/new").c_str()), 0);
  std::string last;
  while (!last.starts_with("moved")) last = stream->take(dir_, 1).at(0);
  EXPECT_THAT(last, HasSubstr("sub new"));
  EXPECT_EQ(call("DELETE", "/files/watch?id=" + id).status, 200);
  EXPECT_EQ(stream->next().at("type"), "execution_complete");
  EXPECT_TRUE(stream->next().is_null());
  EXPECT_EQ(call("DELETE", "/files/watch?id=" + id).status, 200);  // it has ended, and is still known
}

TEST_F(WatchRoutes, AClientThatComesBackMissesNothing) {
  std::string id;
  auto stream = watch(id);
  write("a", "");
  EXPECT_THAT(stream->take(dir_, 1), ElementsAre("created 2 a"));
  stream->close();
  write("b", "");
  write("c", "");
  auto again = open("/files/watch/" + id + "/resume?after_eid=2");
  std::vector<std::string> created;
  while (created.size() < 2) {
    std::string event = again->take(dir_, 1).at(0);
    if (event.starts_with("created")) created.push_back(event.substr(event.rfind(' ') + 1));
  }
  EXPECT_THAT(created, ElementsAre("b", "c"));
  write("d", "");
  std::string event;
  while (!event.starts_with("created")) event = again->take(dir_, 1).at(0);
  EXPECT_THAT(event, testing::EndsWith(" d"));
  EXPECT_EQ(get("/files/watch/" + id + "/resume?after_eid=9999").status, 400);
  EXPECT_EQ(get("/files/watch/none/resume").status, 404);
}

TEST_F(WatchRoutes, TheEndOfTheDirectoryEndsTheStream) {
  fs::create_directory(dir_ + "/sub");
  auto stream = open("/files/watch" + query("sub"));
  EXPECT_EQ(stream->next().at("type"), "init");
  fs::remove(dir_ + "/sub");
  EXPECT_THAT(stream->take(dir_, 9), ElementsAre("deleted 2 sub", "execution_complete 3"));
}

class UnheardWatches : public WatchRoutes {
 protected:
  UnheardWatches() {
    watch_limits_.unheard = std::chrono::milliseconds(20);
    watch_limits_.watches = 1;
  }
};

TEST_F(UnheardWatches, EndAndMakeRoom) {
  std::string id;
  watch(id)->close();
  int status = 429;
  for (int i = 0; i < 1000 && status == 429; ++i) {
    write("f", "");  // a client that left is noticed when it is written to
    ::usleep(10000);
    status = open("/files/watch" + query(""))->status();
  }
  EXPECT_EQ(status, 200);
  auto again = open("/files/watch/" + id + "/resume?after_eid=1");
  EXPECT_THAT(again->take(dir_, 1000).back(), testing::StartsWith("execution_complete "));
}

TEST_F(WatchRoutes, BadRequests) {
  EXPECT_EQ(get("/files/watch").code(), "MISSING_QUERY");
  EXPECT_EQ(get("/files/watch" + query("none")).status, 404);
  EXPECT_EQ(get("/files/watch" + query("") + "&recursive=perhaps").status, 400);
  EXPECT_EQ(call("DELETE", "/files/watch").code(), "MISSING_QUERY");
  EXPECT_EQ(call("DELETE", "/files/watch?id=none").status, 404);
}

TEST_F(WatchRoutes, TheNumberOfWatchesIsLimited) {
  std::vector<std::unique_ptr<Stream>> streams;
  std::string id;
  for (size_t i = 0; i < watch_limits_.watches; ++i) streams.push_back(watch(id));
  EXPECT_EQ(get("/files/watch" + query("")).status, 429);
  EXPECT_EQ(call("DELETE", "/files/watch?id=" + id).status, 200);
  EXPECT_EQ(streams.back()->next().at("type"), "execution_complete");
  auto next = watch(id);
  EXPECT_EQ(next->status(), 200);
}

TEST_F(WatchRoutes, UnderAUsersIdentity) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can act as others";
  ASSERT_EQ(::chmod(dir_.c_str(), 0755), 0);
  fs::create_directory(dir_ + "/closed");
  ASSERT_EQ(::chmod((dir_ + "/closed").c_str(), 0700), 0);
  const std::string user = "/v1/filesystem/12345/12345", other = "/v1/filesystem/777/777";
  EXPECT_EQ(get(user + "/files/watch" + query("closed")).status, 403);
  std::string id;
  auto stream = watch(id, "&recursive=true", user);
  write("closed/f", "x");
  write("seen", "");
  EXPECT_THAT(stream->take(dir_, 1), ElementsAre("created 2 seen"));
  EXPECT_EQ(get(other + "/files/watch/" + id + "/resume").status, 404);
  EXPECT_EQ(call("DELETE", other + "/files/watch?id=" + id).status, 404);
  EXPECT_EQ(open(user + "/files/watch/" + id + "/resume?after_eid=1")->take(dir_, 1).at(0), "created 2 seen");
  EXPECT_EQ(call("DELETE", user + "/files/watch?id=" + id).status, 200);
}

}  // namespace
}  // namespace osb::execd
