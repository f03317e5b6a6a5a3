// What callers see of every route: status, code, and type and place of schema violations.
#include <gmock/gmock.h>

#include "server/server_fixture.h"

namespace osb::server {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;

constexpr const char* kUuid = "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}";
constexpr const char* kTime = "2[0-9]{3}-[0-9]{2}-[0-9]{2}T[0-9:]{8}(\\.[0-9]{6})?Z";

class TranscriptTest : public ServerFixture {
 protected:
  TranscriptTest() { config_.max_sandbox_timeout_seconds = 86400; }

  // "type loc" of every problem.
  static std::string problems(const Answer& answer) {
    std::string out;
    json::Value value = answer.json();
    for (const json::Value& problem : value.at("detail").as_array()) {
      if (!out.empty()) out += ' ';
      out += std::string(problem.at("type").as_string()) + " " + json::serialize(problem.at("loc"));
    }
    return out;
  }
};

TEST_F(TranscriptTest, HealthAndVersion) {
  Answer health = call("GET", "/health");
  EXPECT_EQ(health.status, 200);
  EXPECT_EQ(health.body, R"({"status":"healthy"})");
  EXPECT_EQ(health.headers.get("Content-Type"), "application/json");
  EXPECT_EQ(health.headers.get("Content-Length"), "20");
  EXPECT_EQ(health.headers.get("Vary"), "Origin");
  EXPECT_THAT(std::string(health.headers.get("X-Request-ID")), MatchesRegex("[0-9a-f]{32}"));
  EXPECT_EQ(call("GET", "/version").body, R"({"version":"1.1.1"})");
  EXPECT_EQ(call("GET", "/v1/health").status, 404);
}

TEST_F(TranscriptTest, CreateShowsAllMembersInOrder) {
  Answer answer = call("POST", "/v1/sandboxes", create_body(R"("metadata":{"team":"a","n":"1"},"env":{"A":"1"})"));
  ASSERT_EQ(answer.status, 202) << answer.body;
  EXPECT_FALSE(answer.headers.has("Location"));
  std::vector<std::string> names;
  json::Value value = answer.json();
  for (const auto& [name, item] : value.as_object()) names.emplace_back(name);
  EXPECT_THAT(names, testing::ElementsAre("id", "status", "metadata", "expiresAt", "createdAt", "entrypoint"));
  EXPECT_THAT(answer.member("id"), MatchesRegex(kUuid));
  EXPECT_EQ(value.at("status").at("state"), "Running");
  EXPECT_EQ(value.at("status").at("reason"), "CONTAINER_RUNNING");
  EXPECT_THAT(answer.member("createdAt"), MatchesRegex(kTime));
  auto created = *parse_time(answer.member("createdAt"));
  EXPECT_EQ(*parse_time(answer.member("expiresAt")) - created, std::chrono::seconds(600));
  ASSERT_EQ(runtime_->specs.size(), 1u);
  const runtime::SandboxSpec& spec = runtime_->specs[0];
  EXPECT_EQ(spec.id, answer.member("id"));
  EXPECT_EQ(spec.limits.cpu_millis, 500);
  EXPECT_EQ(spec.limits.memory_bytes, 256 << 20);
  EXPECT_EQ(spec.limits.pids, 4096);
  EXPECT_EQ(spec.env.at("A"), "1");
  EXPECT_EQ(spec.access_token.size(), 32u);
  EXPECT_THAT(answer.body, testing::Not(HasSubstr(spec.access_token)));
}

TEST_F(TranscriptTest, CreateWithoutTimeoutHasNoEnd) {
  std::string body = R"({"image":{"uri":"base:latest"},"resourceLimits":{},"entrypoint":["x"])";
  for (const char* end : {"}", ",\"timeout\":null}"}) {
    Answer answer = call("POST", "/v1/sandboxes", body + end);
    ASSERT_EQ(answer.status, 202) << answer.body;
    EXPECT_EQ(answer.member("expiresAt"), "");
    EXPECT_THAT(get(answer.member("id")).body, testing::Not(HasSubstr("null")));
  }
}

TEST_F(TranscriptTest, GetShowsTheSandbox) {
  std::string id = create(R"("metadata":{"team":"a"},"platform":{"os":" LINUX ","arch":")" +
                          std::string(host_architecture()) + R"("},"extensions":{"opensandbox.extensions.k":"v","x":"y"})");
  Answer answer = get(id);
  EXPECT_EQ(answer.status, 200);
  std::vector<std::string> names;
  json::Value value = answer.json();
  for (const auto& [name, item] : value.as_object()) names.emplace_back(name);
  EXPECT_THAT(names, testing::ElementsAre("id", "image", "platform", "status", "metadata", "extensions", "entrypoint",
                                          "expiresAt", "createdAt"));
  EXPECT_EQ(json::serialize(value.at("image")), R"({"uri":"base:latest"})");
  EXPECT_EQ(json::serialize(value.at("extensions")), R"({"opensandbox.extensions.k":"v"})");
  EXPECT_EQ(value.at("platform").at("os"), "linux");
  EXPECT_EQ(call("GET", "/sandboxes/" + id).body, answer.body);
  EXPECT_EQ(call("GET", "/v1/sandboxes/" + id + "/").body, answer.body);
  EXPECT_EQ(call("GET", "/v1/sandboxes/" + id, "", {{"X-Request-ID", "abc-123"}}).headers.get("X-Request-ID"), "abc-123");
}

TEST_F(TranscriptTest, Lists) {
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
  auto pagination = [&](const std::string& query) { return call("GET", "/v1/sandboxes" + query).member("pagination"); };
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
  EXPECT_EQ(ids("?metadata=x.org%2Fteam%3Db"), (V{second}));        // encoded once
  EXPECT_EQ(ids("?metadata=x.org%252Fteam%3Db"), (V{second}));      // encoded twice, as newer clients do
  EXPECT_EQ(ids("?metadata=team%3Dzzz"), V{});
  EXPECT_EQ(pagination("?metadata=team%3Dzzz"),
            R"({"page":1,"pageSize":20,"totalItems":0,"totalPages":0,"hasNextPage":false})");
  EXPECT_EQ(ids("?metadata="), (V{third, second, first}));
  EXPECT_EQ(call("GET", "/v1/sandboxes?metadata=team").code(), "INVALID_METADATA_FORMAT");
  EXPECT_EQ(call("GET", "/v1/sandboxes?metadata=a%3Db%26%26c%3Dd").status, 400);
}

TEST_F(TranscriptTest, BadPages) {
  struct Case {
    const char* query;
    const char* problem;
  };
  for (auto [query, problem] : std::initializer_list<Case>{
           {"page=0", "greater_than_equal [\"query\",\"page\"]"},
           {"page=x", "int_parsing [\"query\",\"page\"]"},
           {"pageSize=1000", "less_than_equal [\"query\",\"pageSize\"]"},
           {"pageSize=0&page=", "int_parsing [\"query\",\"page\"] greater_than_equal [\"query\",\"pageSize\"]"}})
    for (const char* path : {"/v1/sandboxes?", "/snapshots?"}) {
      Answer answer = call("GET", std::string(path) + query);
      EXPECT_EQ(answer.status, 422) << query;
      EXPECT_EQ(problems(answer), problem);
      EXPECT_FALSE(answer.code().empty());
      EXPECT_FALSE(answer.member("message").empty());
    }
}

TEST_F(TranscriptTest, PatchesMetadata) {
  std::string id = create(R"("metadata":{"team":"a","n":"1"})");
  std::string target = "/v1/sandboxes/" + id + "/metadata";
  Answer answer = call("PATCH", target, R"({"n":null,"x":"y"})", {{"Content-Type", "application/merge-patch+json"}});
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.member("metadata"), R"({"team":"a","x":"y"})");
  EXPECT_EQ(answer.body, get(id).body);
  EXPECT_EQ(call("PATCH", target, "{}").status, 200);
  Answer reserved = call("PATCH", target, R"({"opensandbox.io/x":"y"})");
  EXPECT_EQ(reserved.status, 400);
  EXPECT_EQ(reserved.code(), "INVALID_METADATA_LABEL");
  Answer bad = call("PATCH", target, R"({"bad key!":"y"})");
  EXPECT_EQ(bad.status, 400);
  EXPECT_EQ(bad.code(), "SANDBOX::INVALID_METADATA_LABEL");
  EXPECT_EQ(problems(call("PATCH", target, "[]")), "dict_type [\"body\"]");
  EXPECT_EQ(problems(call("PATCH", target, R"({"a":1})")), "string_type [\"body\",\"a\"]");
  EXPECT_EQ(problems(call("PATCH", target, "")), "missing [\"body\"]");
  EXPECT_EQ(get(id).member("metadata"), R"({"team":"a","x":"y"})");
}

TEST_F(TranscriptTest, RefusesCreates) {
  struct Case {
    std::string body;
    int status;
    std::string code;  // or the problems, for 422
  };
  std::string other_arch = host_architecture() == "amd64" ? "arm64" : "amd64";
  for (const auto& [body, status, code] : std::vector<Case>{
           {"", 422, "missing [\"body\"]"},
           {"{", 422, "json_invalid [\"body\",1]"},
           {"[]", 422, "model_attributes_type [\"body\"]"},
           {R"({"image":{"uri":"base:latest"},"timeout":1,"resourceLimits":{},"entrypoint":["x"]})", 422,
            "greater_than_equal [\"body\",\"timeout\"]"},
           {R"({"image":{"uri":"base:latest"},"timeout":100000,"resourceLimits":{},"entrypoint":["x"]})", 400,
            "SANDBOX::INVALID_PARAMETER"},
           {R"({"image":{"uri":"base:latest"},"resourceLimits":{"cpu":"abc"},"entrypoint":["x"]})", 400,
            "SANDBOX::INVALID_PARAMETER"},
           {R"({"image":{"uri":"base:latest"},"resourceLimits":{"memory":"-1"},"entrypoint":["x"]})", 400,
            "SANDBOX::INVALID_PARAMETER"},
           {R"({"image":{"uri":"base:latest"},"resourceLimits":{"gpu":"1"},"entrypoint":["x"]})", 400,
            "SANDBOX::INVALID_PARAMETER"},
           {R"({"image":{"uri":"base:latest"},"resourceLimits":{},"entrypoint":[""]})", 400, "SANDBOX::INVALID_ENTRYPOINT"},
           {R"({"image":{"uri":"base:latest"},"resourceLimits":{},"entrypoint":["a 'b"]})", 400,
            "SANDBOX::INVALID_ENTRYPOINT"},
           {R"({"image":{"uri":"base:latest"},"resourceLimits":{},"entrypoint":["a","b\u0000c"]})", 400,
            "SANDBOX::INVALID_ENTRYPOINT"},
           {R"({"image":{"uri":"base:latest","auth":{"username":"u","password":"p"}},"resourceLimits":{},"entrypoint":["x"]})",
            400, "SANDBOX::INVALID_PARAMETER"},
           {R"({"snapshotId":"s","resourceLimits":{}})", 400, "SANDBOX::INVALID_PARAMETER"},
           {R"({"templateId":"t","timeout":60})", 400, "SANDBOX::INVALID_PARAMETER"},
           {create_body(R"("snapshotId":"s")"), 422, "value_error [\"body\"]"},
           {create_body(R"("metadata":{"bad key!":"v"})"), 400, "SANDBOX::INVALID_METADATA_LABEL"},
           {create_body(R"("metadata":{"opensandbox.io/a":"v"})"), 400, "SANDBOX::INVALID_METADATA_LABEL"},
           {create_body(R"("networkPolicy":{"defaultAction":"deny","egress":[]})"), 400, "SANDBOX::INVALID_PARAMETER"},
           {create_body(R"("networkPolicy":{})"), 400, "SANDBOX::INVALID_PARAMETER"},
           {create_body(R"("networkPolicy":{},"credentialProxy":{"enabled":true})"), 400, "SANDBOX::INVALID_PARAMETER"},
           {create_body(R"("credentialProxy":{"enabled":true})"), 422, "value_error [\"body\"]"},
           {create_body(R"("volumes":[{"name":"v","host":{"path":"/etc"},"mountPath":"/m"}])"), 400,
            "SANDBOX::INVALID_PARAMETER"},
           {create_body(R"("volumes":[{"name":"Bad_Name","host":{"path":"/tmp"},"mountPath":"/m"}])"), 422,
            "string_pattern_mismatch [\"body\",\"volumes\",0,\"name\"]"},
           {create_body(R"("platform":{"os":"linux","arch":")" + other_arch + R"("})"), 400, "SANDBOX::INVALID_PARAMETER"},
           {create_body(R"("platform":{"os":"windows","arch":"amd64"})"), 400, "SANDBOX::INVALID_PARAMETER"},
           {create_body(R"("extensions":{"access.renew.extend.seconds":"1"})"), 400, "SANDBOX::INVALID_PARAMETER"},
           {create_body(R"("extensions":{"access.renew.extend.seconds":"x"})"), 400, "SANDBOX::INVALID_PARAMETER"},
           {create_body(R"("extensions":{"poolRef":"p"})"), 400, "SANDBOX::UNSUPPORTED_POOL_REF"},
           {create_body(R"("secureAccess":true)"), 400, "SANDBOX::INVALID_PARAMETER"},
           {create_body(R"("lifecycle":{"preStart":{"command":["true"]}})"), 400, "SANDBOX::INVALID_PARAMETER"},
           {create_body(R"("env":{"OPENSANDBOX_EGRESS_X":"1"})"), 400, "SANDBOX::INVALID_PARAMETER"},
           {create_body(R"("env":{"A=B":"1"})"), 400, "SANDBOX::INVALID_PARAMETER"},
           {create_body(R"("env":{"":"1"})"), 400, "SANDBOX::INVALID_PARAMETER"},
           {R"({"image":{"uri":"no.such.host/none:1"},"resourceLimits":{},"entrypoint":["x"]})", 400,
            "NATIVE::IMAGE_NOT_FOUND"}}) {
    Answer answer = call("POST", "/v1/sandboxes", body);
    EXPECT_EQ(answer.status, status) << body << answer.body;
    EXPECT_FALSE(answer.member("message").empty()) << body;
    EXPECT_EQ(answer.status == 422 ? problems(answer) : answer.code(), code) << body;
  }
  EXPECT_TRUE(runtime_->specs.empty());
  EXPECT_EQ(call("GET", "/v1/sandboxes").json().at("pagination").at("totalItems"), 0);
}

TEST_F(TranscriptTest, TakesHarmlessMembers) {
  for (const char* more :
       {R"("zzz":1)", R"("env":{},"metadata":{},"extensions":{})", R"("volumes":[],"lifecycle":{},"secureAccess":false)",
        R"("extensions":{"access.renew.extend.seconds":" 300 "})", R"("resourceRequests":{"cpu":"1"})",
        R"("credentialProxy":{"enabled":false})", R"("snapshotId":"","templateId":" ")"})
    create(more);
  call("POST", "/v1/sandboxes", create_body(), {{"Content-Type", "text/plain"}});
  EXPECT_EQ(runtime_->specs.size(), 8u);
}

TEST_F(TranscriptTest, SplitsACommandLineEntrypoint) {
  Answer answer = call("POST", "/v1/sandboxes",
                       R"({"image":{"uri":"alias"},"resourceLimits":{},"entrypoint":["python -c 'print(1)'"]})");
  EXPECT_EQ(answer.member("entrypoint"), R"(["python -c 'print(1)'"])");
  EXPECT_THAT(runtime_->specs.at(0).entrypoint, testing::ElementsAre("python", "-c", "print(1)"));
  EXPECT_EQ(runtime_->specs.at(0).image.name, "host");
  EXPECT_EQ(get(answer.member("id")).json().at("image").at("uri"), "alias");
}

TEST_F(TranscriptTest, RefusesLargeBodies) {
  Answer answer = call("POST", "/v1/sandboxes", create_body("\"zzz\":\"" + std::string(1100 * 1024, 'x') + "\""));
  EXPECT_EQ(answer.status, 413);
  EXPECT_FALSE(answer.code().empty());
}

TEST_F(TranscriptTest, Endpoints) {
  std::string id = create();
  std::string target = "/v1/sandboxes/" + id + "/endpoints/";
  EXPECT_EQ(call("GET", target + "8000").body, R"({"endpoint":"127.0.0.1:8000"})");
  EXPECT_EQ(call("GET", target + "18080").body, R"({"endpoint":"127.0.0.1:18080"})");
  EXPECT_EQ(call("GET", target + "44772?use_server_proxy=False").body,
            R"({"endpoint":"127.0.0.1:44772","headers":{"X-EXECD-ACCESS-TOKEN":")" + runtime_->specs[0].access_token + "\"}}");
  std::string host = "127.0.0.1:" + std::to_string(port_);
  EXPECT_EQ(call("GET", target + "80?use_server_proxy=true").member("endpoint"), host + "/v1/sandboxes/" + id + "/proxy/80");
  EXPECT_EQ(call("GET", "/sandboxes/" + id + "/endpoints/80?use_server_proxy=1", "", {{"Host", "box.example"}}).member("endpoint"),
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
  EXPECT_EQ(problems(call("GET", target + "x")), "int_parsing [\"path\",\"port\"]");
  EXPECT_EQ(problems(call("GET", target + "80?use_server_proxy=maybe")), "bool_parsing [\"query\",\"use_server_proxy\"]");
  EXPECT_EQ(problems(call("GET", target + "80?expires=soon")), "int_parsing [\"query\",\"expires\"]");
  Answer signed_one = call("GET", target + "44772?expires=4102444800");
  EXPECT_EQ(signed_one.status, 400);
  EXPECT_EQ(signed_one.code(), "SANDBOX::API_NOT_SUPPORTED");
  EXPECT_EQ(call("GET", target + "80?expires=4102444800&use_server_proxy=true").code(), "SANDBOX::INVALID_PARAMETER");
}

TEST_F(TranscriptTest, EndpointsOfPausedAndEndedSandboxes) {
  std::string id = create();
  std::string target = "/v1/sandboxes/" + id + "/endpoints/80";
  call("POST", "/v1/sandboxes/" + id + "/pause");
  EXPECT_EQ(call("GET", target).status, 200);
  runtime_->end(id, 0, "exit status 0");
  Answer ended = call("GET", target);
  EXPECT_EQ(ended.status, 409);
  EXPECT_EQ(ended.code(), "SANDBOX::NOT_RUNNING");
}

TEST_F(TranscriptTest, PublicAddressReplacesTheHost) {
  config_.eip = " https://box.example:8443/base/ ";
  std::string id = create();
  EXPECT_EQ(call("GET", "/v1/sandboxes/" + id + "/endpoints/80?use_server_proxy=true").member("endpoint"),
            "box.example:8443/base/v1/sandboxes/" + id + "/proxy/80");
}

TEST_F(TranscriptTest, Renews) {
  std::string id = create();
  std::string target = "/v1/sandboxes/" + id + "/renew-expiration";
  auto later = std::chrono::floor<std::chrono::seconds>(now()) + std::chrono::hours(1);
  Answer answer = call("POST", target, R"({"expiresAt":")" + rfc3339_micros(later) + "\"}");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, R"({"expiresAt":")" + rfc3339_micros(later) + "\"}");
  EXPECT_EQ(get(id).member("expiresAt"), rfc3339_micros(later));
  auto sooner = rfc3339_micros(later - std::chrono::minutes(59));
  EXPECT_EQ(call("POST", target, R"({"expiresAt":")" + sooner + "\"}").status, 200);  // shortening is allowed
  Answer past = call("POST", target, R"({"expiresAt":"2020-01-01T00:00:00Z"})");
  EXPECT_EQ(past.status, 400);
  EXPECT_EQ(past.code(), "DOCKER::INVALID_EXPIRATION");
  EXPECT_EQ(problems(call("POST", target, R"({"expiresAt":"soon"})")),
            "datetime_from_date_parsing [\"body\",\"expiresAt\"]");
  EXPECT_EQ(problems(call("POST", target, "{}")), "missing [\"body\",\"expiresAt\"]");
  std::string manual = call("POST", "/v1/sandboxes",
                            R"({"image":{"uri":"host"},"resourceLimits":{},"entrypoint":["x"]})").member("id");
  Answer refused = call("POST", "/v1/sandboxes/" + manual + "/renew-expiration",
                        R"({"expiresAt":")" + rfc3339_micros(later) + "\"}");
  EXPECT_EQ(refused.status, 409);
  EXPECT_EQ(refused.code(), "DOCKER::INVALID_EXPIRATION");
}

TEST_F(TranscriptTest, PausesAndResumes) {
  std::string id = create();
  std::string base = "/v1/sandboxes/" + id;
  Answer resumed_early = call("POST", base + "/resume");
  EXPECT_EQ(resumed_early.status, 409);
  EXPECT_EQ(resumed_early.code(), "DOCKER::SANDBOX_NOT_PAUSED");
  Answer paused = call("POST", base + "/pause");
  EXPECT_EQ(paused.status, 202);
  EXPECT_EQ(paused.headers.get("Content-Length"), "0");
  EXPECT_EQ(paused.body, "");
  EXPECT_EQ(state(id), "Paused");
  EXPECT_EQ(call("POST", base + "/pause").code(), "DOCKER::SANDBOX_NOT_RUNNING");
  Answer proxied = call("GET", "/sandboxes/" + id + "/proxy/80/");
  EXPECT_EQ(proxied.status, 409);
  EXPECT_EQ(call("POST", base + "/resume").status, 202);
  EXPECT_EQ(state(id), "Running");
  runtime_->change_failure.emplace(ErrorCode::internal, "freezing: busy");
  Answer failed = call("POST", base + "/pause");
  EXPECT_EQ(failed.status, 500);
  EXPECT_EQ(failed.code(), "DOCKER::SANDBOX_PAUSE_FAILED");
  EXPECT_EQ(state(id), "Running");
}

TEST_F(TranscriptTest, DeletesOnce) {
  std::string id = create();
  Answer answer = call("DELETE", "/v1/sandboxes/" + id);
  EXPECT_EQ(answer.status, 204);
  EXPECT_FALSE(answer.headers.has("Content-Length"));
  EXPECT_EQ(call("DELETE", "/v1/sandboxes/" + id).status, 404);
  EXPECT_TRUE(runtime_->held.empty());
}

TEST_F(TranscriptTest, UnknownSandboxes) {
  struct Case {
    const char* method;
    const char* rest;
    const char* body;
  };
  for (auto [method, rest, body] : std::initializer_list<Case>{
           {"GET", "", ""},
           {"DELETE", "", ""},
           {"PATCH", "/metadata", "{}"},
           {"POST", "/pause", ""},
           {"POST", "/resume", ""},
           {"POST", "/renew-expiration", R"({"expiresAt":"2020-01-01T00:00:00Z"})"},
           {"GET", "/endpoints/80", ""},
           {"GET", "/proxy/80/x", ""},
           {"POST", "/snapshots", ""},
           {"GET", "/diagnostics/logs", ""},
           {"GET", "/diagnostics/events?scope=all", ""},
           {"GET", "/diagnostics/inspect", ""},
           {"GET", "/diagnostics/summary", ""},
           {"GET", "/networkpolicy", ""},
           {"PATCH", "/networkpolicy", "[]"}})
    for (const char* prefix : {"/v1/sandboxes/none", "/sandboxes/a%2Fb"}) {
      Answer answer = call(method, std::string(prefix) + rest, body);
      EXPECT_EQ(answer.status, 404) << method << rest;
      EXPECT_EQ(answer.code(), "DOCKER::SANDBOX_NOT_FOUND") << rest;
      EXPECT_FALSE(answer.member("message").empty());
    }
}

TEST_F(TranscriptTest, WhatIsNotOfferedSaysSo) {
  std::string id = create();
  struct Case {
    const char* method;
    std::string target;
    int status;
    const char* code;
  };
  std::string sandbox = "/v1/sandboxes/" + id;
  for (const auto& [method, target, status, code] : std::vector<Case>{
           {"POST", sandbox + "/snapshots", 501, "SNAPSHOT::NOT_IMPLEMENTED"},
           {"GET", "/v1/snapshots/none", 404, "SNAPSHOT::NOT_FOUND"},
           {"DELETE", "/v1/snapshots/none", 404, "SNAPSHOT::NOT_FOUND"},
           {"GET", "/v1/pools", 501, "KUBERNETES::POOL_NOT_SUPPORTED"},
           {"POST", "/pools", 501, "KUBERNETES::POOL_NOT_SUPPORTED"},
           {"PUT", "/pools/p", 501, "KUBERNETES::POOL_NOT_SUPPORTED"},
           {"GET", "/v1/templates", 501, "FSB::API_NOT_SUPPORTED"},
           {"DELETE", "/v1/templates/t", 501, "FSB::API_NOT_SUPPORTED"},
           {"GET", sandbox + "/diagnostics/logs?scope=all", 501, "DIAGNOSTICS_NOT_IMPLEMENTED"},
           {"GET", sandbox + "/networkpolicy", 501, "SANDBOX::API_NOT_SUPPORTED"}}) {
    Answer answer = call(method, target);
    EXPECT_EQ(answer.status, status) << target;
    EXPECT_EQ(answer.code(), code);
  }
  EXPECT_EQ(problems(call("POST", sandbox + "/snapshots", R"({"name":""})")), "string_too_short [\"body\",\"name\"]");
  EXPECT_EQ(call("GET", "/v1/snapshots?sandboxId=x&name=y&state=Ready").body,
            R"({"items":[],"pagination":{"page":1,"pageSize":20,"totalItems":0,"totalPages":0,"hasNextPage":false}})");
}

TEST_F(TranscriptTest, UnknownRoutesAndMethods) {
  Answer nothing = call("GET", "/v1/nothing");
  EXPECT_EQ(nothing.status, 404);
  EXPECT_EQ(nothing.member("detail"), "Not Found");
  EXPECT_FALSE(nothing.code().empty());
  EXPECT_FALSE(nothing.member("message").empty());
  Answer wrong = call("PUT", "/v1/sandboxes");
  EXPECT_EQ(wrong.status, 405);
  EXPECT_EQ(wrong.member("detail"), "Method Not Allowed");
  EXPECT_THAT(std::string(wrong.headers.get("Allow")), HasSubstr("POST"));
  EXPECT_EQ(call("GET", "/").status, 404);
  EXPECT_EQ(call("GET", "/v1//sandboxes").status, 404);
  EXPECT_EQ(call("POST", "/metrics/events", "{}").status, 404);
}

TEST_F(TranscriptTest, MetricsEvents) {
  EXPECT_EQ(call("POST", "/v1/metrics/events",
                 R"({"eventType":"sandbox.create","createDurationMs":5,"success":true})").status, 204);
  EXPECT_EQ(problems(call("POST", "/v1/metrics/events", R"({"eventType":"x"})")),
            "literal_error [\"body\",\"eventType\"] missing [\"body\",\"createDurationMs\"] missing [\"body\",\"success\"]");
}

TEST_F(TranscriptTest, CrossOrigin) {
  Answer plain = call("GET", "/health", "", {{"Origin", "http://a.example"}});
  EXPECT_EQ(plain.headers.get("Access-Control-Allow-Origin"), "*");
  Answer cookie = call("GET", "/health", "", {{"Origin", "http://a.example"}, {"Cookie", "a=b"}});
  EXPECT_EQ(cookie.headers.get("Access-Control-Allow-Origin"), "http://a.example");
  EXPECT_FALSE(call("GET", "/health").headers.has("Access-Control-Allow-Origin"));
  Answer preflight = call("OPTIONS", "/v1/sandboxes", "", {{"Origin", "http://a.example"},
                                                           {"Access-Control-Request-Method", "POST"},
                                                           {"Access-Control-Request-Headers", "open-sandbox-api-key"}});
  EXPECT_EQ(preflight.status, 200);
  EXPECT_EQ(preflight.headers.get("Access-Control-Allow-Headers"), "open-sandbox-api-key");
  EXPECT_THAT(std::string(preflight.headers.get("Access-Control-Allow-Methods")), HasSubstr("PATCH"));
}

class KeyTest : public ServerFixture {
 protected:
  KeyTest() { config_.api_key = "right"; }
};

TEST_F(KeyTest, GuardsEverythingButTheOpenPaths) {
  Answer missing = call("GET", "/v1/sandboxes", "", {{"Origin", "http://a.example"}, {"X-Request-ID", "r-1"}});
  EXPECT_EQ(missing.status, 401);
  EXPECT_EQ(missing.code(), "MISSING_API_KEY");
  EXPECT_EQ(missing.headers.get("X-Request-ID"), "r-1");
  EXPECT_EQ(missing.headers.get("Access-Control-Allow-Origin"), "*");
  for (const char* key : {"wrong", "righ", "rightt", "RIGHT"}) {
    Answer wrong = call("GET", "/v1/sandboxes", "", {{"OPEN-SANDBOX-API-KEY", key}});
    EXPECT_EQ(wrong.status, 401);
    EXPECT_EQ(wrong.code(), "INVALID_API_KEY");
  }
  EXPECT_EQ(call("GET", "/v1/sandboxes", "", {{"OPEN-SANDBOX-API-KEY", "right"}}).status, 200);
  EXPECT_EQ(call("GET", "/nothing").status, 401);
  EXPECT_EQ(call("GET", "/healthzzz").status, 401);
  EXPECT_EQ(call("GET", "/health").status, 200);
  EXPECT_EQ(call("GET", "/version").status, 200);
  EXPECT_EQ(call("GET", "/sandboxes/x/proxy/80/y").status, 404);
  EXPECT_EQ(call("GET", "/v1/sandboxes/x/proxy/80").status, 404);
  EXPECT_EQ(call("GET", "/sandboxes/x/proxy/80x/y").status, 401);
  EXPECT_EQ(call("GET", "/sandboxes/x/proxy/80/../../y").status, 401);
  EXPECT_EQ(call("GET", "/sandboxes/x/proxy/").status, 401);
  EXPECT_EQ(call("OPTIONS", "/v1/sandboxes", "",
                 {{"Origin", "http://a.example"}, {"Access-Control-Request-Method", "POST"}}).status, 200);
}

}  // namespace
}  // namespace osb::server
