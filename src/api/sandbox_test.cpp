// Golden JSON of answers.
#include "api/sandbox.h"

#include <gtest/gtest.h>

namespace osb::api {
namespace {

Sandbox example() {
  Sandbox sandbox;
  sandbox.id = "id-1";
  sandbox.image = "base:latest";
  sandbox.created_at = *parse_time("2026-01-02T03:04:05.123456Z");
  sandbox.status = {SandboxState::running, "CONTAINER_RUNNING", "up", sandbox.created_at};
  sandbox.entrypoint = {"tail", "-f", "/dev/null"};
  return sandbox;
}

TEST(SandboxJson, LeavesOutWhatIsAbsent) {
  EXPECT_EQ(
      sandbox_json(example()),
      R"({"id":"id-1","image":{"uri":"base:latest"},"status":{"state":"Running","reason":"CONTAINER_RUNNING",)"
      R"("message":"up","lastTransitionAt":"2026-01-02T03:04:05.123456Z"},"entrypoint":["tail","-f","/dev/null"],)"
      R"("createdAt":"2026-01-02T03:04:05.123456Z"})");
}

TEST(SandboxJson, WritesEverything) {
  Sandbox sandbox = example();
  sandbox.platform = Platform{"linux", "amd64"};
  sandbox.metadata = {{"team", "a"}};
  sandbox.extensions = {{"opensandbox.extensions.k", "v"}};
  sandbox.expires_at = *parse_time("2026-01-02T03:14:05Z");
  EXPECT_EQ(
      sandbox_json(sandbox),
      R"({"id":"id-1","image":{"uri":"base:latest"},"platform":{"os":"linux","arch":"amd64"},"status":)"
      R"({"state":"Running","reason":"CONTAINER_RUNNING","message":"up","lastTransitionAt":)"
      R"("2026-01-02T03:04:05.123456Z"},"metadata":{"team":"a"},"extensions":{"opensandbox.extensions.k":"v"},)"
      R"("entrypoint":["tail","-f","/dev/null"],"expiresAt":"2026-01-02T03:14:05Z",)"
      R"("createdAt":"2026-01-02T03:04:05.123456Z"})");
  EXPECT_EQ(created_json(sandbox),
            R"({"id":"id-1","status":{"state":"Running","reason":"CONTAINER_RUNNING","message":"up",)"
            R"("lastTransitionAt":"2026-01-02T03:04:05.123456Z"},"metadata":{"team":"a"},)"
            R"("extensions":{"opensandbox.extensions.k":"v"},"platform":{"os":"linux","arch":"amd64"},)"
            R"("expiresAt":"2026-01-02T03:14:05Z","createdAt":"2026-01-02T03:04:05.123456Z",)"
            R"("entrypoint":["tail","-f","/dev/null"]})");
}

TEST(SandboxJson, Pagination) {
  EXPECT_EQ(pagination_json({1, 20, 0}),
            R"({"page":1,"pageSize":20,"totalItems":0,"totalPages":0,"hasNextPage":false})");
  EXPECT_EQ(pagination_json({1, 1, 2}),
            R"({"page":1,"pageSize":1,"totalItems":2,"totalPages":2,"hasNextPage":true})");
  EXPECT_EQ(pagination_json({3, 5, 12}),
            R"({"page":3,"pageSize":5,"totalItems":12,"totalPages":3,"hasNextPage":false})");
  EXPECT_EQ(pagination_json({9, 5, 10}),
            R"({"page":9,"pageSize":5,"totalItems":10,"totalPages":2,"hasNextPage":false})");
}

}  // namespace
}  // namespace osb::api
