// /images over real sockets, with a store of memory behind it.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <sys/socket.h>

#include "server/server_fixture.h"

namespace osb::server {
namespace {

using testing::HasSubstr;

class ImagesTest : public ServerFixture {
 protected:
  // Status and code of an answer.
  static std::string brief(const Answer& answer) {
    return std::to_string(answer.status) + (answer.status >= 400 ? " " + answer.code() : "");
  }
  std::string put(const std::string& name, std::string body, http::Headers headers = {}) {
    return brief(call("PUT", "/v1/images/" + name, std::move(body), std::move(headers)));
  }
  void fail_with(ErrorCode code, std::string wire = {}) {
    runtime_->store_failure = Error(code, "told to", std::move(wire));
  }
  // A connection that sends these bytes and nothing more.
  Fd sender(const std::string& bytes) {
    Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{.sin_family = AF_INET, .sin_port = htons(port_)};
    ::inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
    EXPECT_EQ(::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::send(socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
    return socket;
  }
};

TEST_F(ImagesTest, StoresListsShowsAndRemoves) {
  Answer made = call("PUT", "/v1/images/team%2Fdeep%2Ftool%3A1", std::string(300'000, 'x'));
  EXPECT_EQ(made.status, 201);
  EXPECT_EQ(made.member("name"), "team/deep/tool:1");
  EXPECT_EQ(made.member("size"), "300000");
  EXPECT_EQ(put("team/deep/tool:1", "again"), "200");  // slashes as they are
  EXPECT_EQ(put("plain", "p"), "201");
  EXPECT_EQ(runtime_->stored.at("team/deep/tool:1"), "again");
  EXPECT_TRUE(runtime_->uploads.back().replace);
  EXPECT_EQ(runtime_->uploads.back().max_bytes, uint64_t{16} << 30);

  for (const char* path : {"/v1/images", "/images", "/v1/images/", "/images/"}) {
    Answer list = call("GET", path);
    EXPECT_EQ(list.status, 200);
    EXPECT_EQ(list.headers.get("Content-Type"), "application/json");
    EXPECT_EQ(list.body,
              R"({"items":[{"name":"host"},{"name":"tool:latest","aliasOf":"host"},)"
              R"({"name":"plain:latest","size":1,"createdAt":"2026-01-02T03:04:05.000000Z"},)"
              R"({"name":"team/deep/tool:1","size":5,"createdAt":"2026-01-02T03:04:05.000000Z"}]})");
  }
  EXPECT_EQ(call("GET", "/v1/images/team/deep/tool:1").member("size"), "5");
  EXPECT_EQ(call("GET", "/images/tool").member("aliasOf"), "host");
  EXPECT_EQ(brief(call("GET", "/images/none")), "404 IMAGE::NOT_FOUND");

  EXPECT_EQ(brief(call("DELETE", "/v1/images/team%2Fdeep/tool:1")), "204");
  EXPECT_EQ(brief(call("DELETE", "/v1/images/team/deep/tool:1")), "404 IMAGE::NOT_FOUND");
  EXPECT_EQ(brief(call("DELETE", "/images/plain/")), "204");
  EXPECT_TRUE(runtime_->stored.empty());
}

TEST_F(ImagesTest, BadNamesAreRefusedBeforeTheBodyIsRead) {
  for (const char* name : {"", "/", "..%2F..%2Fetc", "../../etc", "a/%2e%2e/b", "bad%zz", "nul%00"})
    EXPECT_EQ(put(name, "x"), "400 IMAGE::INVALID_NAME") << name;
  EXPECT_EQ(brief(call("DELETE", "/v1/images/a..b")), "400 IMAGE::INVALID_NAME");
  EXPECT_EQ(brief(call("GET", "/v1/images/a..b")), "400 IMAGE::INVALID_NAME");
  EXPECT_EQ(call("POST", "/v1/images/x", "").headers.get("Allow"), "GET, PUT, DELETE");
  EXPECT_TRUE(runtime_->uploads.empty());
}

TEST_F(ImagesTest, ABodyMayBeAsLongAsConfiguredAndNoLonger) {
  config_.max_image_bytes = 100'000;
  runtime_->store_takes = 300'000;
  EXPECT_EQ(put("fits", std::string(100'000, 'x')), "201");
  Answer answer = call("PUT", "/v1/images/large", std::string(100'001, 'x'));
  EXPECT_EQ(brief(answer), "413 IMAGE::TOO_LARGE");
  EXPECT_THAT(answer.body, HasSubstr("max_image_bytes"));
  EXPECT_EQ(runtime_->uploads.size(), 1u);  // its length was enough
  std::string head = "PUT /v1/images/large HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
  Fd chunked = sender(head + "186a1\r\n" + std::string(100'001, 'x') + "\r\n0\r\n\r\n");
  std::string text(4096, '\0');
  ASSERT_TRUE(until([&] { return ::recv(chunked.get(), text.data(), text.size(), MSG_DONTWAIT) > 0; }));
  EXPECT_THAT(text, HasSubstr("HTTP/1.1 413 "));
  EXPECT_FALSE(runtime_->stored.contains("large:latest"));
  // Other routes take what they took.
  EXPECT_EQ(brief(call("POST", "/v1/sandboxes", std::string(kLongestBody + 1, ' '))),
            "413 PAYLOAD_TOO_LARGE");
}

TEST_F(ImagesTest, ABodyThatBreaksOffStoresNothing) {
  std::string head = "PUT /v1/images/half HTTP/1.1\r\nHost: x\r\n";
  for (const char* framing :
       {"Content-Length: 100000\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n3e8\r\n"}) {
    size_t before = runtime_->uploads.size();
    Fd socket = sender(head + framing + std::string(1000, 'x'));
    ASSERT_TRUE(until([&] { return runtime_->uploads.size() == before + 1; }));
    socket.reset();
    // The place of the upload is free again, however many went that way.
    for (int i = 0; i < 5; ++i) EXPECT_EQ(put("good", "x"), i == 0 && before == 0 ? "201" : "200");
  }
  EXPECT_FALSE(runtime_->stored.contains("half:latest"));
}

TEST_F(ImagesTest, FailuresOfTheStoreHaveCodesOfTheirOwn) {
  struct Row {
    ErrorCode code;
    const char* wanted;
  };
  for (Row row : {Row{ErrorCode::invalid, "400 IMAGE::INVALID_ARCHIVE"},
                  {ErrorCode::unsupported, "415 IMAGE::UNSUPPORTED_ARCHIVE"},
                  {ErrorCode::too_large, "413 IMAGE::TOO_LARGE"},
                  {ErrorCode::exhausted, "507 IMAGE::STORE_FULL"},
                  {ErrorCode::unavailable, "503 NATIVE::RUNTIME_UNAVAILABLE"},
                  {ErrorCode::timeout, "504 NATIVE::RUNTIME_UNAVAILABLE"},
                  {ErrorCode::internal, "500 IMAGE::STORE_FAILED"}}) {
    fail_with(row.code);
    EXPECT_EQ(put("x", "archive"), row.wanted);
  }
  fail_with(ErrorCode::conflict, "IMAGE::RESERVED");
  EXPECT_EQ(put("host", "archive"), "409 IMAGE::RESERVED");
  fail_with(ErrorCode::conflict);
  EXPECT_EQ(brief(call("DELETE", "/v1/images/x")), "409 IMAGE::IN_USE");
  EXPECT_TRUE(runtime_->stored.empty());
}

// A store that refuses without reading all of it: the answer arrives, though the body is large.
TEST_F(ImagesTest, AnEarlyRefusalIsAnswered) {
  runtime_->store_takes = 4096;
  fail_with(ErrorCode::invalid);
  EXPECT_EQ(put("bad", std::string(30 << 20, 'x')), "400 IMAGE::INVALID_ARCHIVE");
}

TEST_F(ImagesTest, OnlyNewOnesOnRequest) {
  http::Headers only_new{{"If-None-Match", "*"}};
  EXPECT_EQ(put("one", "1", only_new), "201");
  EXPECT_FALSE(runtime_->uploads.back().replace);
  EXPECT_EQ(put("one", "2", only_new), "412 IMAGE::EXISTS");
  EXPECT_EQ(put("tool", "an alias is no image", only_new), "201");
  fail_with(ErrorCode::conflict);  // somebody else was faster
  EXPECT_EQ(put("two", "2", only_new), "412 IMAGE::EXISTS");
  EXPECT_EQ(runtime_->stored.at("one:latest"), "1");
}

TEST_F(ImagesTest, AFewAtATime) {
  runtime_->close_gate();
  std::vector<std::shared_ptr<Answer>> running;
  for (int i = 0; i < 4; ++i) running.push_back(begin("PUT", "/v1/images/n" + std::to_string(i), "x"));
  ASSERT_TRUE(until([&] { return runtime_->waiting == 4; }));
  Answer busy = call("PUT", "/v1/images/late", "x");
  EXPECT_EQ(brief(busy), "429 IMAGE::BUSY");
  EXPECT_TRUE(busy.headers.has("Retry-After"));
  EXPECT_EQ(call("GET", "/v1/images").status, 200);
  runtime_->open_gate();
  for (auto& answer : running) ASSERT_TRUE(until([&] { return answer->status == 201; }));
  EXPECT_EQ(put("late", "x"), "201");
}

TEST_F(ImagesTest, TheKeyIsAskedFor) {
  config_.api_key = "secret";
  EXPECT_EQ(brief(call("GET", "/v1/images")), "401 MISSING_API_KEY");
  EXPECT_EQ(put("x", "x"), "401 MISSING_API_KEY");
  EXPECT_EQ(brief(call("DELETE", "/v1/images/x")), "401 MISSING_API_KEY");
  EXPECT_EQ(put("x", "x", {{"OPEN-SANDBOX-API-KEY", "secret"}}), "201");
}

}  // namespace
}  // namespace osb::server
