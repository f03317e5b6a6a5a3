// What callers see of get, list and endpoints.
#include <gmock/gmock.h>

#include "server/server_fixture.h"

namespace osb::server {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;

class ReadTranscript : public ServerFixture {
 protected:
  ReadTranscript() { config_.max_sandbox_timeout_seconds = 86400; }
};

TEST_F(ReadTranscript, GetShowsTheSandbox) {
  std::string id = create(R"("metadata":{"team":"a"},"platform":{"os":" LINUX ","arch":")" +
                          std::string(host_architecture()) +
                          R"("},"extensions":{"opensandbox.extensions.k":"v","x":"y"})");
  Answer answer = get(id);
  EXPECT_EQ(answer.status, 200);
  std::vector<std::string> names;
  json::Value value = answer.json();
  for (const auto& [name, item] : value.as_object()) names.emplace_back(name);
  EXPECT_THAT(names, testing::ElementsAre("id", "image", "platform", "status", "metadata", "extensions",
                                          "entrypoint", "expiresAt", "createdAt"));
  EXPECT_EQ(json::serialize(value.at("image")), R"({"uri":"base:latest"})");
  EXPECT_EQ(json::serialize(value.at("extensions")), R"({"opensandbox.extensions.k":"v"})");
  EXPECT_EQ(value.at("platform").at("os"), "linux");
  EXPECT_EQ(call("GET", "/sandboxes/" + id).body, answer.body);
  EXPECT_EQ(call("GET", "/v1/sandboxes/" + id + "/").body, answer.body);
  EXPECT_EQ(call("GET", "/v1/sandboxes/" + id, "", {{"X-Request-ID", "abc-123"}}).headers.get("X-Request-ID"),
            "abc-123");
}

TEST_F(ReadTranscript, Lists) {
  std::string first = create(R"("metadata":{"team":"a","path":"v1"})");
  std::string second = create(R"("metadata":{"x.org/team":"b"})");
  std::string third = create();
  EXPECT_EQ(call("POST", "/v1/sandboxes/" + third + "/pause").status, 202);
  auto ids = [&](const std::string& query) {
    Answer answer = call("GET", "/v1/sandboxes" + query);
    EXPECT_EQ(answer.status, 200) << query << answer.body;
    std::vector<std::string> out;
    json::Value value = answer.json();
    for (const json::Value& item : value.at("items").as_array()) out.emplace_back(item.at("id").as_string());
    return out;
  };
  auto pagination = [&](const std::string& query) {
    return call("GET", "/v1/sandboxes" + query).member("pagination");
  };
  using V = std::vector<std::string>;
  EXPECT_EQ(ids(""), (V{third, second, first}));
  EXPECT_EQ(ids("?unknown=1"), (V{third, second, first}));
  EXPECT_EQ(ids("?page=1&pageSize=1"), (V{third}));
  EXPECT_EQ(ids("?page=3&pageSize=1"), (V{first}));
  EXPECT_EQ(ids("?page=9223372036854775807&pageSize=200"), V{});
  EXPECT_EQ(pagination("?page=1&pageSize=2"),
            R"({"page":1,"pageSize":2,"totalItems":3,"totalPages":2,"hasNextPage":true})");
  EXPECT_EQ(pagination("?page=2&pageSize=2"),
            R"({"page":2,"pageSize":2,"totalItems":3,"totalPages":2,"hasNextPage":false})");
  EXPECT_EQ(ids("?state=Running&state=PAUSED"), (V{third, second, first}));
  EXPECT_EQ(ids("?state=RUNNING&pageSize=1&page=2"), (V{first}));
  EXPECT_EQ(ids("?state=Paused"), (V{third}));
  EXPECT_EQ(ids("?state=Nope"), V{});
  EXPECT_EQ(ids("?state="), V{});
  EXPECT_EQ(ids("?metadata=team%3Da"), (V{first}));
  EXPECT_EQ(ids("?metadata=team%3Da%26path%3Dv1&state=running"), (V{first}));
  EXPECT_EQ(ids("?metadata=team%3Da%26path%3Dv2"), V{});
  EXPECT_EQ(ids("?metadata=x.org%2Fteam%3Db"), (V{second}));    // encoded once
  EXPECT_EQ(ids("?metadata=x.org%252Fteam%3Db"), (V{second}));  // encoded twice, as newer clients do
  EXPECT_EQ(ids("?metadata=team%3Dzzz"), V{});
  EXPECT_EQ(pagination("?metadata=team%3Dzzz"),
            R"({"page":1,"pageSize":20,"totalItems":0,"totalPages":0,"hasNextPage":false})");
  EXPECT_EQ(ids("?metadata="), (V{third, second, first}));
  EXPECT_EQ(call("GET", "/v1/sandboxes?metadata=team").code(), "INVALID_METADATA_FORMAT");
  EXPECT_EQ(call("GET", "/v1/sandboxes?metadata=a%3Db%26%26c%3Dd").status, 400);
}

TEST_F(ReadTranscript, BadPages) {
  struct Case {
    const char* query;
    const char* problem;
  };
  for (auto [query, problem] : std::initializer_list<Case>{
           {"page=0", "greater_than_equal [\"query\",\"page\"]"},
           {"page=x", "int_parsing [\"query\",\"page\"]"},
           {"pageSize=1000", "less_than_equal [\"query\",\"pageSize\"]"},
           {"pageSize=0&page=",
            "int_parsing [\"query\",\"page\"] greater_than_equal [\"query\",\"pageSize\"]"}})
    for (const char* path : {"/v1/sandboxes?", "/snapshots?"}) {
      Answer answer = call("GET", std::string(path) + query);
      EXPECT_EQ(answer.status, 422) << query;
      EXPECT_EQ(answer.problems(), problem);
      EXPECT_FALSE(answer.code().empty());
      EXPECT_FALSE(answer.member("message").empty());
    }
}

TEST_F(ReadTranscript, Endpoints) {
  std::string id = create();
  std::string target = "/v1/sandboxes/" + id + "/endpoints/";
  EXPECT_EQ(call("GET", target + "8000").body, R"({"endpoint":"127.0.0.1:8000"})");
  EXPECT_EQ(call("GET", target + "18080").body, R"({"endpoint":"127.0.0.1:18080"})");
  EXPECT_EQ(call("GET", target + "44772?use_server_proxy=False").body,
            R"({"endpoint":"127.0.0.1:44772","headers":{"X-EXECD-ACCESS-TOKEN":")" +
                runtime_->specs[0].access_token + "\"}}");
  std::string host = "127.0.0.1:" + std::to_string(port_);
  EXPECT_EQ(call("GET", target + "80?use_server_proxy=true").member("endpoint"),
            host + "/v1/sandboxes/" + id + "/proxy/80");
  EXPECT_EQ(
      call("GET", "/sandboxes/" + id + "/endpoints/80?use_server_proxy=1", "", {{"Host", "box.example"}})
          .member("endpoint"),
      "box.example/sandboxes/" + id + "/proxy/80");
  for (const char* name : {"Forwarded", "X-Forwarded-For"})
    EXPECT_EQ(call("GET", target + "80", "", {{name, "for=1.2.3.4"}}).member("endpoint"),
              host + "/v1/sandboxes/" + id + "/proxy/80");
  EXPECT_THAT(call("GET", target + "44772?use_server_proxy=true").body, HasSubstr("X-EXECD-ACCESS-TOKEN"));

  for (const char* port : {"0", "70000", "-1", "99999999999999999999"}) {
    Answer answer = call("GET", target + port);
    EXPECT_EQ(answer.status, 400) << port;
    EXPECT_EQ(answer.code(), "DOCKER::INVALID_PORT");
  }
  EXPECT_EQ(call("GET", target + "x").problems(), "int_parsing [\"path\",\"port\"]");
  EXPECT_EQ(call("GET", target + "80?use_server_proxy=maybe").problems(),
            "bool_parsing [\"query\",\"use_server_proxy\"]");
  EXPECT_EQ(call("GET", target + "80?expires=soon").problems(), "int_parsing [\"query\",\"expires\"]");
  Answer signed_one = call("GET", target + "44772?expires=4102444800");
  EXPECT_EQ(signed_one.status, 400);
  EXPECT_EQ(signed_one.code(), "SANDBOX::API_NOT_SUPPORTED");
  EXPECT_EQ(call("GET", target + "80?expires=4102444800&use_server_proxy=true").code(),
            "SANDBOX::INVALID_PARAMETER");
}

TEST_F(ReadTranscript, EndpointsOfPausedAndEndedSandboxes) {
  std::string id = create();
  std::string target = "/v1/sandboxes/" + id + "/endpoints/80";
  call("POST", "/v1/sandboxes/" + id + "/pause");
  EXPECT_EQ(call("GET", target).status, 200);
  runtime_->end(id, 0, "exit status 0");
  Answer ended = call("GET", target);
  EXPECT_EQ(ended.status, 409);
  EXPECT_EQ(ended.code(), "SANDBOX::NOT_RUNNING");
}

TEST_F(ReadTranscript, PublicAddressReplacesTheHost) {
  config_.eip = " https://box.example:8443/base/ ";
  std::string id = create();
  EXPECT_EQ(call("GET", "/v1/sandboxes/" + id + "/endpoints/80?use_server_proxy=true").member("endpoint"),
            "box.example:8443/base/v1/sandboxes/" + id + "/proxy/80");
}

}  // namespace
}  // namespace osb::server
