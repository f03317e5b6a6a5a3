// What callers see of POST /sandboxes: status, code, and type and place of schema violations.
#include <gmock/gmock.h>

#include "server/server_fixture.h"

namespace osb::server {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;

constexpr const char* kUuid = "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}";
constexpr const char* kTime = "2[0-9]{3}-[0-9]{2}-[0-9]{2}T[0-9:]{8}(\\.[0-9]{6})?Z";

class CreateTranscript : public ServerFixture {
 protected:
  CreateTranscript() { config_.max_sandbox_timeout_seconds = 86400; }
};

TEST_F(CreateTranscript, CreateShowsAllMembersInOrder) {
  Answer answer =
      call("POST", "/v1/sandboxes", create_body(R"("metadata":{"team":"a","n":"1"},"env":{"A":"1"})"));
  ASSERT_EQ(answer.status, 202) << answer.body;
  EXPECT_FALSE(answer.headers.has("Location"));
  std::vector<std::string> names;
  json::Value value = answer.json();
  for (const auto& [name, item] : value.as_object()) names.emplace_back(name);
  EXPECT_THAT(names,
              testing::ElementsAre("id", "status", "metadata", "expiresAt", "createdAt", "entrypoint"));
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

TEST_F(CreateTranscript, CreateWithoutTimeoutHasNoEnd) {
  std::string body = R"({"image":{"uri":"base:latest"},"resourceLimits":{},"entrypoint":["x"])";
  for (const char* end : {"}", ",\"timeout\":null}"}) {
    Answer answer = call("POST", "/v1/sandboxes", body + end);
    ASSERT_EQ(answer.status, 202) << answer.body;
    EXPECT_EQ(answer.member("expiresAt"), "");
    EXPECT_THAT(get(answer.member("id")).body, testing::Not(HasSubstr("null")));
  }
}

TEST_F(CreateTranscript, RefusesCreates) {
  struct Case {
    std::string body;
    int status;
    std::string code;  // or the problems, for 422
  };
  std::string other_arch = host_architecture() == "amd64" ? "arm64" : "amd64";
  for (
      const auto& [body, status, code] : std::vector<Case>{
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
          {R"({"image":{"uri":"base:latest"},"resourceLimits":{"nvidia.com/gpu":"1"},"entrypoint":["x"]})",
           400, "SANDBOX::INVALID_PARAMETER"},
          {R"({"image":{"uri":"base:latest"},"resourceLimits":{},"entrypoint":[""]})", 400,
           "SANDBOX::INVALID_ENTRYPOINT"},
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
          {create_body(R"("networkPolicy":{"defaultAction":"deny","egress":[]})"), 400,
           "SANDBOX::INVALID_PARAMETER"},
          {create_body(R"("networkPolicy":{})"), 400, "SANDBOX::INVALID_PARAMETER"},
          {create_body(R"("networkPolicy":{},"credentialProxy":{"enabled":true})"), 400,
           "SANDBOX::INVALID_PARAMETER"},
          {create_body(R"("credentialProxy":{"enabled":true})"), 422, "value_error [\"body\"]"},
          {create_body(R"("volumes":[{"name":"v","host":{"path":"/etc"},"mountPath":"/m"}])"), 400,
           "SANDBOX::INVALID_PARAMETER"},
          {create_body(R"("volumes":[{"name":"Bad_Name","host":{"path":"/tmp"},"mountPath":"/m"}])"), 422,
           "string_pattern_mismatch [\"body\",\"volumes\",0,\"name\"]"},
          {create_body(R"("platform":{"os":"linux","arch":")" + other_arch + R"("})"), 400,
           "SANDBOX::INVALID_PARAMETER"},
          {create_body(R"("platform":{"os":"windows","arch":"amd64"})"), 400, "SANDBOX::INVALID_PARAMETER"},
          {create_body(R"("extensions":{"access.renew.extend.seconds":"1"})"), 400,
           "SANDBOX::INVALID_PARAMETER"},
          {create_body(R"("extensions":{"access.renew.extend.seconds":"x"})"), 400,
           "SANDBOX::INVALID_PARAMETER"},
          {create_body(R"("extensions":{"poolRef":"p"})"), 400, "SANDBOX::UNSUPPORTED_POOL_REF"},
          {create_body(R"("secureAccess":true)"), 400, "SANDBOX::INVALID_PARAMETER"},
          {create_body(R"("env":{"OPENSANDBOX_EGRESS_X":"1"})"), 400, "SANDBOX::INVALID_PARAMETER"},
          {create_body(R"("env":{"A=B":"1"})"), 400, "SANDBOX::INVALID_PARAMETER"},
          {create_body(R"("env":{"":"1"})"), 400, "SANDBOX::INVALID_PARAMETER"},
          {R"({"image":{"uri":"no.such.host/none:1"},"resourceLimits":{},"entrypoint":["x"]})", 400,
           "NATIVE::IMAGE_NOT_FOUND"}}) {
    Answer answer = call("POST", "/v1/sandboxes", body);
    EXPECT_EQ(answer.status, status) << body << answer.body;
    EXPECT_FALSE(answer.member("message").empty()) << body;
    EXPECT_EQ(answer.status == 422 ? answer.problems() : answer.code(), code) << body;
  }
  EXPECT_TRUE(runtime_->specs.empty());
  EXPECT_EQ(call("GET", "/v1/sandboxes").json().at("pagination").at("totalItems"), 0);
}

TEST_F(CreateTranscript, TakesHarmlessMembers) {
  for (const char* more :
       {R"("zzz":1)", R"("env":{},"metadata":{},"extensions":{})",
        R"("volumes":[],"lifecycle":{},"secureAccess":false)",
        R"("extensions":{"access.renew.extend.seconds":" 300 "})", R"("resourceRequests":{"cpu":"1"})",
        R"("credentialProxy":{"enabled":false})", R"("snapshotId":"","templateId":" ")"})
    create(more);
  call("POST", "/v1/sandboxes", create_body(), {{"Content-Type", "text/plain"}});
  EXPECT_EQ(runtime_->specs.size(), 8u);
}

TEST_F(CreateTranscript, HooksReachExecdInItsEnvironment) {
  create(R"("lifecycle":{"preStart":{"command":["a","b c"],"timeoutSeconds":3}},"env":{"A":"1"})");
  EXPECT_THAT(runtime_->specs.at(0).env,
              testing::UnorderedElementsAre(
                  testing::Pair("A", "1"),
                  testing::Pair("OPENSANDBOX_LIFECYCLE",
                                R"({"preStart":{"command":["a","b c"],"timeoutSeconds":3}})")));
}

TEST_F(CreateTranscript, SplitsACommandLineEntrypoint) {
  Answer answer =
      call("POST", "/v1/sandboxes",
           R"({"image":{"uri":"alias"},"resourceLimits":{},"entrypoint":["python -c 'print(1)'"]})");
  EXPECT_EQ(answer.member("entrypoint"), R"(["python -c 'print(1)'"])");
  EXPECT_THAT(runtime_->specs.at(0).entrypoint, testing::ElementsAre("python", "-c", "print(1)"));
  EXPECT_EQ(runtime_->specs.at(0).image.name, "host");
  EXPECT_EQ(get(answer.member("id")).json().at("image").at("uri"), "alias");
}

TEST_F(CreateTranscript, RefusesLargeBodies) {
  Answer answer =
      call("POST", "/v1/sandboxes", create_body("\"zzz\":\"" + std::string(1100 * 1024, 'x') + "\""));
  EXPECT_EQ(answer.status, 413);
  EXPECT_FALSE(answer.code().empty());
}

}  // namespace
}  // namespace osb::server
