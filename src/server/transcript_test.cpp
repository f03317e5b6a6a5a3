// What callers see of the other routes, of guards, and of what is not offered.
#include <gmock/gmock.h>

#include "server/server_fixture.h"

namespace osb::server {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;

class TranscriptTest : public ServerFixture {
 protected:
  TranscriptTest() { config_.max_sandbox_timeout_seconds = 86400; }
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

TEST_F(TranscriptTest, PatchesMetadata) {
  std::string id = create(R"("metadata":{"team":"a","n":"1"})");
  std::string target = "/v1/sandboxes/" + id + "/metadata";
  Answer answer =
      call("PATCH", target, R"({"n":null,"x":"y"})", {{"Content-Type", "application/merge-patch+json"}});
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
  EXPECT_EQ(call("PATCH", target, "[]").problems(), "dict_type [\"body\"]");
  EXPECT_EQ(call("PATCH", target, R"({"a":1})").problems(), "string_type [\"body\",\"a\"]");
  EXPECT_EQ(call("PATCH", target, "").problems(), "missing [\"body\"]");
  EXPECT_EQ(get(id).member("metadata"), R"({"team":"a","x":"y"})");
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
  EXPECT_EQ(call("POST", target, R"({"expiresAt":"soon"})").problems(),
            "datetime_from_date_parsing [\"body\",\"expiresAt\"]");
  EXPECT_EQ(call("POST", target, "{}").problems(), "missing [\"body\",\"expiresAt\"]");
  std::string manual =
      call("POST", "/v1/sandboxes", R"({"image":{"uri":"host"},"resourceLimits":{},"entrypoint":["x"]})")
          .member("id");
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
  for (auto [method, rest, body] :
       std::initializer_list<Case>{{"GET", "", ""},
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
  for (const auto& [method, target, status, code] :
       std::vector<Case>{{"POST", sandbox + "/snapshots", 501, "SNAPSHOT::NOT_IMPLEMENTED"},
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
  EXPECT_EQ(call("POST", sandbox + "/snapshots", R"({"name":""})").problems(),
            "string_too_short [\"body\",\"name\"]");
  EXPECT_EQ(
      call("GET", "/v1/snapshots?sandboxId=x&name=y&state=Ready").body,
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
                 R"({"eventType":"sandbox.create","createDurationMs":5,"success":true})")
                .status,
            204);
  EXPECT_EQ(call("POST", "/v1/metrics/events", R"({"eventType":"x"})").problems(),
            "literal_error [\"body\",\"eventType\"] missing [\"body\",\"createDurationMs\"] missing "
            "[\"body\",\"success\"]");
}

TEST_F(TranscriptTest, CrossOrigin) {
  Answer plain = call("GET", "/health", "", {{"Origin", "http://a.example"}});
  EXPECT_EQ(plain.headers.get("Access-Control-Allow-Origin"), "*");
  Answer cookie = call("GET", "/health", "", {{"Origin", "http://a.example"}, {"Cookie", "a=b"}});
  EXPECT_EQ(cookie.headers.get("Access-Control-Allow-Origin"), "http://a.example");
  EXPECT_FALSE(call("GET", "/health").headers.has("Access-Control-Allow-Origin"));
  Answer preflight = call("OPTIONS", "/v1/sandboxes", "",
                          {{"Origin", "http://a.example"},
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
  Answer missing =
      call("GET", "/v1/sandboxes", "", {{"Origin", "http://a.example"}, {"X-Request-ID", "r-1"}});
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
                 {{"Origin", "http://a.example"}, {"Access-Control-Request-Method", "POST"}})
                .status,
            200);
}

}  // namespace
}  // namespace osb::server
