// Golden JSON and single rules of the lifecycle API.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/coercion.h"
#include "api/create_request.h"
#include "api/labels.h"
#include "api/resources.h"
#include "api/sandbox.h"
#include "api/shell_words.h"
#include "api/small_requests.h"
#include "api/validation.h"

namespace osb::api {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(Cpu, Quantities) {
  struct Case {
    std::string_view text;
    std::optional<int64_t> millis;
  };
  for (auto [text, millis] : std::initializer_list<Case>{
           {"500m", 500}, {"1", 1000}, {"0.5", 500}, {" 2 ", 2000}, {"1.5", 1500}, {"0.0001", 1}, {".5", 500},
           {"", {}}, {"abc", {}}, {"0", {}}, {"0m", {}}, {"-1", {}}, {"nan", {}}, {"inf", {}}, {"1e3", {}},
           {"1.2.3", {}}, {"1M", {}}, {"m", {}}, {".", {}}, {"99999999999999999999999999", {}}})
    EXPECT_EQ(parse_cpu(text), millis) << text;
}

TEST(Memory, Quantities) {
  struct Case {
    std::string_view text;
    std::optional<int64_t> bytes;
  };
  for (auto [text, bytes] : std::initializer_list<Case>{
           {"1024", 1024}, {"1b", 1}, {"1k", 1000}, {"1K", 1000}, {"1kb", 1000}, {"1Ki", 1024}, {"512Mi", 512 << 20},
           {"512M", 512'000'000}, {"512m", 512'000'000}, {"2Gi", 2147483648}, {"2GB", 2'000'000'000},
           {"1Ti", 1LL << 40}, {"1Pi", 1LL << 50}, {"1.5Gi", 3LL << 29}, {" 64Mi ", 64 << 20}, {"0.5", 1},
           {"", {}}, {"0", {}}, {"-1", {}}, {"Mi", {}}, {"5Xi", {}}, {"5Mii", {}}, {"5 Mi", {}}, {"8Ei", {}},
           {"1e9", {}}, {"64Mi64", {}}})
    EXPECT_EQ(parse_memory(text), bytes) << text;
}

TEST(Resources, NamesTheBadKey) {
  auto message = [](std::map<std::string, std::string> limits) {
    try {
      parse_resources(limits);
    } catch (const Error& e) {
      EXPECT_EQ(e.wire(), "SANDBOX::INVALID_PARAMETER");
      return e.message();
    }
    return std::string("none");
  };
  EXPECT_THAT(message({{"cpu", "abc"}}), HasSubstr("resourceLimits.cpu"));
  EXPECT_THAT(message({{"memory", "-1"}}), HasSubstr("resourceLimits.memory"));
  EXPECT_THAT(message({{"gpu", "1"}}), HasSubstr("resourceLimits.gpu"));
  EXPECT_THAT(message({{"pids", "0"}}), HasSubstr("resourceLimits.pids"));
  EXPECT_EQ(message({{"cpu", "1"}, {"memory", "1Gi"}, {"pids", "64"}, {"ephemeral-storage", "?"}}), "none");
  EXPECT_EQ(parse_resources({{"pids", "64"}}).pids, 64);
  EXPECT_FALSE(parse_resources({}).memory_bytes);
}

TEST(Labels, Grammar) {
  for (std::string_view good : {"a", "A", "9", "a-b_c.d", "example.com/name", "a/b", "a.b-c.d/X"})
    EXPECT_TRUE(is_label_key(good)) << good;
  for (std::string_view bad : {"", "-a", "a-", "bad key!", "/a", "a/", "A.com/x", "a/b/c", "a..b/x", "a_b/x", "ä"})
    EXPECT_FALSE(is_label_key(bad)) << bad;
  EXPECT_TRUE(is_label_key(std::string(63, 'a')));
  EXPECT_FALSE(is_label_key(std::string(64, 'a')));
  EXPECT_TRUE(is_label_key(std::string(253, 'a') + "/" + std::string(63, 'b')));
  EXPECT_FALSE(is_label_key(std::string(254, 'a') + "/b"));
  EXPECT_TRUE(is_label_value(""));
  EXPECT_TRUE(is_label_value("v1.2_3-4"));
  EXPECT_FALSE(is_label_value("a b"));
  EXPECT_FALSE(is_label_value("a/b"));
  EXPECT_FALSE(is_label_value(std::string(64, 'a')));
}

std::string label_code(auto&& run) {
  try {
    run();
  } catch (const Error& e) {
    return e.wire();
  }
  return "none";
}

TEST(Labels, RefusesReservedAndBad) {
  EXPECT_EQ(label_code([] { check_labels({{"opensandbox.io/a", "v"}}); }), "SANDBOX::INVALID_METADATA_LABEL");
  EXPECT_EQ(label_code([] { check_labels({{"a", "b c"}}); }), "SANDBOX::INVALID_METADATA_LABEL");
  EXPECT_EQ(label_code([] { check_labels({{"a", "b"}}); }), "none");
  Labels many;
  for (size_t i = 0; i <= kMostLabels; i++) many[std::to_string(i)] = "";
  EXPECT_EQ(label_code([&] { check_labels(many); }), "SANDBOX::INVALID_METADATA_LABEL");
}

TEST(Labels, PatchAddsReplacesRemoves) {
  Labels labels = {{"team", "a"}, {"n", "1"}};
  apply_label_patch(labels, parse_label_patch(R"({"n":null,"x":"y","team":"b","gone":null})"));
  EXPECT_EQ(labels, (Labels{{"team", "b"}, {"x", "y"}}));
  apply_label_patch(labels, parse_label_patch("{}"));
  EXPECT_EQ(labels, (Labels{{"team", "b"}, {"x", "y"}}));
}

TEST(Labels, BadPatchChangesNothing) {
  Labels labels = {{"a", "1"}};
  auto code = [&](std::string_view body) { return label_code([&] { apply_label_patch(labels, parse_label_patch(body)); }); };
  EXPECT_EQ(code(R"({"a":"2","opensandbox.io/x":"y"})"), "INVALID_METADATA_LABEL");
  EXPECT_EQ(code(R"({"opensandbox.io/x":null})"), "INVALID_METADATA_LABEL");
  EXPECT_EQ(code(R"({"a":"2","bad key!":"y"})"), "SANDBOX::INVALID_METADATA_LABEL");
  EXPECT_EQ(code(R"({"bad key!":null})"), "none");  // a removed key is not looked at
  EXPECT_EQ(labels, (Labels{{"a", "1"}}));
}

TEST(ShellWords, QuotesLikeAShell) {
  EXPECT_THAT(*split_shell_words("python  app.py --x='a b' \"c d\"e f\\ g"),
              ElementsAre("python", "app.py", "--x=a b", "c de", "f g"));
  EXPECT_THAT(*split_shell_words(R"(a "\"\\\n" '' '\')"), ElementsAre("a", R"("\\n)", "", "\\"));
  EXPECT_THAT(*split_shell_words("   "), ElementsAre());
  EXPECT_FALSE(split_shell_words("a 'b"));
  EXPECT_FALSE(split_shell_words("a \"b"));
  EXPECT_FALSE(split_shell_words("a \\"));
}

TEST(Coercion, Integers) {
  EXPECT_EQ(integer_of("3600"), 3600);
  EXPECT_EQ(integer_of(" -60.00 "), -60);
  EXPECT_EQ(integer_of("+7"), 7);
  EXPECT_EQ(integer_of("99999999999999999999"), INT64_MAX);
  for (std::string_view bad : {"", "x", "60.5", "1 2", "0x10", "--1", "."}) EXPECT_FALSE(integer_of(bad)) << bad;
}

TEST(Coercion, Flags) {
  for (std::string_view yes : {"true", "1", "YES", "y", "On", "t"}) EXPECT_EQ(flag_of(yes), true) << yes;
  for (std::string_view no : {"False", "0", "no", "N", "off", "f"}) EXPECT_EQ(flag_of(no), false) << no;
  for (std::string_view bad : {"", "2", "maybe"}) EXPECT_FALSE(flag_of(bad)) << bad;
}

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
  EXPECT_EQ(sandbox_json(example()),
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
  EXPECT_EQ(sandbox_json(sandbox),
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
  EXPECT_EQ(pagination_json({1, 1, 2}), R"({"page":1,"pageSize":1,"totalItems":2,"totalPages":2,"hasNextPage":true})");
  EXPECT_EQ(pagination_json({3, 5, 12}), R"({"page":3,"pageSize":5,"totalItems":12,"totalPages":3,"hasNextPage":false})");
  EXPECT_EQ(pagination_json({9, 5, 10}), R"({"page":9,"pageSize":5,"totalItems":10,"totalPages":2,"hasNextPage":false})");
}

// "type loc type loc …" of what a body is refused with; "ok" if it is taken.
template <class Parse>
std::string problems_of(Parse parse, std::string_view body) {
  try {
    parse(body);
    return "ok";
  } catch (const ValidationError& e) {
    std::string out;
    json::Value json = e.body();
    for (const json::Value& problem : json.at("detail").as_array()) {
      EXPECT_TRUE(problem.as_object().contains("input"));
      EXPECT_FALSE(problem.at("msg").as_string().empty());
      if (!out.empty()) out += ' ';
      out += std::string(problem.at("type").as_string()) + " " + json::serialize(problem.at("loc"));
    }
    return out;
  }
}

std::string create_problems(std::string_view body) { return problems_of(parse_create_request, body); }

// A valid create request with some members replaced ("" takes one away).
std::string create_body(std::initializer_list<std::pair<std::string_view, std::string_view>> changes) {
  json::Object body = json::parse(R"({"image":{"uri":"base"},"timeout":600,"resourceLimits":{"cpu":"1"},
                                      "entrypoint":["tail","-f","/dev/null"]})")
                          .as_object();
  for (auto [name, value] : changes) {
    body.erase(name);
    if (!value.empty()) body[name] = json::parse(value);
  }
  return json::serialize(body);
}

TEST(CreateRequest, Shapes) {
  struct Case {
    std::string body;
    std::string problems;
  };
  for (const auto& [body, problems] : std::vector<Case>{
           {create_body({}), "ok"},
           {"", "missing [\"body\"]"},
           {"  \n", "missing [\"body\"]"},
           {"null", "missing [\"body\"]"},
           {"{", "json_invalid [\"body\",1]"},
           {"[]", "model_attributes_type [\"body\"]"},
           {create_body({{"zzz", "1"}}), "ok"},
           {create_body({{"image", ""}}), "value_error [\"body\"]"},
           {create_body({{"image", R"({"uri":"  "})"}}), "value_error [\"body\"]"},
           {create_body({{"image", "3"}}), "model_attributes_type [\"body\",\"image\"]"},
           {create_body({{"image", "{}"}}), "missing [\"body\",\"image\",\"uri\"]"},
           {create_body({{"image", R"({"uri":"a","auth":{"username":"u"}})"}}),
            "missing [\"body\",\"image\",\"auth\",\"password\"]"},
           {create_body({{"entrypoint", ""}}), "value_error [\"body\"]"},
           {create_body({{"entrypoint", "null"}}), "value_error [\"body\"]"},
           {create_body({{"entrypoint", "[]"}}), "too_short [\"body\",\"entrypoint\"]"},
           {create_body({{"entrypoint", "\"sh\""}}), "list_type [\"body\",\"entrypoint\"]"},
           {create_body({{"entrypoint", "[\"a\",1]"}}), "string_type [\"body\",\"entrypoint\",1]"},
           {create_body({{"resourceLimits", ""}}), "value_error [\"body\"]"},
           {create_body({{"resourceLimits", "{}"}}), "ok"},
           {create_body({{"resourceLimits", "{\"cpu\":1}"}}), "string_type [\"body\",\"resourceLimits\",\"cpu\"]"},
           {create_body({{"resourceLimits", "{\"cpu\":null}"}}), "string_type [\"body\",\"resourceLimits\",\"cpu\"]"},
           {create_body({{"resourceLimits", ""}, {"resource_limits", "{}"}}), "ok"},
           {create_body({{"timeout", ""}}), "ok"},
           {create_body({{"timeout", "null"}}), "ok"},
           {create_body({{"timeout", "\"3600\""}}), "ok"},
           {create_body({{"timeout", "60.0"}}), "ok"},
           {create_body({{"timeout", "60.5"}}), "int_from_float [\"body\",\"timeout\"]"},
           {create_body({{"timeout", "1"}}), "greater_than_equal [\"body\",\"timeout\"]"},
           {create_body({{"timeout", "-1"}}), "greater_than_equal [\"body\",\"timeout\"]"},
           {create_body({{"timeout", "\"x\""}}), "int_parsing [\"body\",\"timeout\"]"},
           {create_body({{"timeout", "[]"}}), "int_type [\"body\",\"timeout\"]"},
           {create_body({{"env", R"({"A":"","B":null})"}}), "ok"},
           {create_body({{"env", R"({"A":1,"B":true})"}}),
            "string_type [\"body\",\"env\",\"A\"] string_type [\"body\",\"env\",\"B\"]"},
           {create_body({{"env", "[]"}}), "dict_type [\"body\",\"env\"]"},
           {create_body({{"env", R"({"OPENSANDBOX_LIFECYCLE":"x"})"}}), "value_error [\"body\"]"},
           {create_body({{"metadata", R"({"A":null})"}}), "string_type [\"body\",\"metadata\",\"A\"]"},
           {create_body({{"extensions", R"({"A":2})"}}), "string_type [\"body\",\"extensions\",\"A\"]"},
           {create_body({{"platform", R"({"os":"linux"})"}}), "missing [\"body\",\"platform\",\"arch\"]"},
           {create_body({{"secureAccess", "\"perhaps\""}}), "bool_parsing [\"body\",\"secureAccess\"]"},
           {create_body({{"secureAccess", "[]"}}), "bool_type [\"body\",\"secureAccess\"]"},
           {create_body({{"snapshotId", "\"s\""}}), "value_error [\"body\"]"},
           {create_body({{"snapshotId", "\" \""}}), "ok"},
           {create_body({{"snapshot_id", "\"s\""}, {"image", ""}, {"entrypoint", ""}}), "ok"},
           {create_body({{"credentialProxy", R"({"enabled":true})"}}), "value_error [\"body\"]"},
           {create_body({{"credentialProxy", R"({"enabled":true})"}, {"networkPolicy", "{}"}}), "ok"},
           {create_body({{"networkPolicy", R"({"egress":[{"action":"allow","target":""}]})"}}),
            "string_too_short [\"body\",\"networkPolicy\",\"egress\",0,\"target\"]"},
           {create_body({{"extensions", R"({"poolRef":"p"})"}, {"image", ""}, {"resourceLimits", ""}}), "ok"},
           {create_body({{"extensions", R"({"poolRef":"p"})"}, {"snapshotId", "\"s\""}}), "value_error [\"body\"]"},
           {create_body({{"volumes", R"([{"name":"Bad_Name","host":{"path":"/x"},"mountPath":"/m"}])"}}),
            "string_pattern_mismatch [\"body\",\"volumes\",0,\"name\"]"},
           {create_body({{"volumes", R"([{"name":"v","mountPath":"/m"}])"}}), "value_error [\"body\",\"volumes\",0]"},
           {create_body({{"volumes", R"([{"name":"v","host":{"path":"/x"},"pvc":{"claimName":"c"},"mountPath":"/m"}])"}}),
            "value_error [\"body\",\"volumes\",0]"},
           {create_body({{"volumes", R"([{"name":"v","pvc":{"claimName":"c"},"mountPath":"m"}])"}}),
            "string_pattern_mismatch [\"body\",\"volumes\",0,\"mountPath\"]"},
           {create_body({{"volumes", R"([{"name":"v","mount_path":"/m",
               "pvc":{"claim_name":"c","storage":null,"accessModes":null,"storageClass":null}}])"}}), "ok"},
           {create_body({{"lifecycle", R"({"preStart":{"command":["true"]}})"}}), "ok"},
           {create_body({{"lifecycle", R"({"preStart":{"command":[]},"x":1})"}}),
            "too_short [\"body\",\"lifecycle\",\"preStart\",\"command\"] extra_forbidden [\"body\",\"lifecycle\",\"x\"]"},
           {create_body({{"lifecycle", R"({"periodic":[{"name":"a","schedule":"s","command":["x"]},
               {"name":"a","schedule":"s","command":["x"]}]})"}}), "value_error [\"body\",\"lifecycle\"]"},
       })
    EXPECT_EQ(create_problems(body), problems) << body;
}

TEST(CreateRequest, ReadsValues) {
  CreateRequest request = parse_create_request(create_body(
      {{"env", R"({"A":"1","B":null,"C":""})"}, {"timeout", "\"3600\""}, {"metadata", R"({"k":"v"})"},
       {"platform", R"({"os":"linux","arch":"amd64"})"}, {"extensions", R"({"poolRef":" p "})"}, {"lifecycle", "{}"},
       {"volumes", "[]"}}));
  EXPECT_EQ(request.image, "base");
  EXPECT_EQ(request.timeout_seconds, 3600);
  EXPECT_EQ(request.env, (std::map<std::string, std::string>{{"A", "1"}, {"C", ""}}));
  EXPECT_EQ(request.platform->arch, "amd64");
  EXPECT_EQ(request.pool(), "p");
  EXPECT_FALSE(request.hooks);
  EXPECT_FALSE(request.volumes);
  EXPECT_FALSE(parse_create_request(create_body({{"timeout", "null"}})).timeout_seconds);
}

TEST(CreateRequest, BoundsTheListOfProblems) {
  std::string env = "{";
  for (int i = 0; i < 5000; i++) env += (i ? ",\"" : "\"") + std::to_string(i) + "\":1";
  env += "}";
  try {
    parse_create_request(create_body({{"env", env}}));
    FAIL();
  } catch (const ValidationError& e) {
    EXPECT_EQ(e.problems().size(), Problems::kMost);
  }
}

TEST(ValidationBody, HasTheKnownShape) {
  try {
    parse_create_request(create_body({{"timeout", "1"}}));
    FAIL();
  } catch (const ValidationError& e) {
    json::Value want = json::parse(R"({"detail":[{"type":"greater_than_equal","loc":["body","timeout"],
        "msg":"must be at least 60","input":1,"ctx":{"ge":60}}],"code":"VALIDATION_ERROR",
        "message":"timeout: must be at least 60"})");
    EXPECT_EQ(e.body(), want) << json::serialize(e.body());
  }
}

TEST(Renewal, Times) {
  auto problems = [](std::string_view body) { return problems_of(parse_renewal, body); };
  EXPECT_EQ(problems(R"({"expiresAt":"soon"})"), "datetime_from_date_parsing [\"body\",\"expiresAt\"]");
  EXPECT_EQ(problems(R"({"expiresAt":null})"), "datetime_type [\"body\",\"expiresAt\"]");
  EXPECT_EQ(problems(R"({"expiresAt":true})"), "datetime_type [\"body\",\"expiresAt\"]");
  EXPECT_EQ(problems("{}"), "missing [\"body\",\"expiresAt\"]");
  EXPECT_EQ(parse_renewal(R"({"expiresAt":"2030-01-01T02:00:00+02:00"})"), *parse_time("2030-01-01T00:00:00Z"));
  EXPECT_EQ(parse_renewal(R"({"expires_at":"2030-01-01 00:00:00"})"), *parse_time("2030-01-01T00:00:00Z"));
  EXPECT_EQ(parse_renewal(R"({"expiresAt":1893456000})"), *parse_time("2030-01-01T00:00:00Z"));
  EXPECT_EQ(parse_renewal(R"({"expiresAt":1893456000000})"), *parse_time("2030-01-01T00:00:00Z"));
  EXPECT_EQ(parse_renewal(R"({"expiresAt":1893456000.5})"), *parse_time("2030-01-01T00:00:00.5Z"));
}

TEST(MetricsEvent, Shapes) {
  auto problems = [](std::string_view body) { return problems_of(parse_metrics_event, body); };
  EXPECT_EQ(problems(R"({"eventType":"sandbox.create","createDurationMs":5,"success":true})"), "ok");
  EXPECT_EQ(problems(R"({"eventType":"x"})"),
            "literal_error [\"body\",\"eventType\"] missing [\"body\",\"createDurationMs\"] missing [\"body\",\"success\"]");
  EXPECT_EQ(problems(R"({"eventType":"sandbox.create","createDurationMs":-1,"success":true})"),
            "greater_than_equal [\"body\",\"createDurationMs\"]");
}

TEST(SnapshotName, MayBeAbsent) {
  EXPECT_EQ(parse_snapshot_name(""), "");
  EXPECT_EQ(parse_snapshot_name("null"), "");
  EXPECT_EQ(parse_snapshot_name("{}"), "");
  EXPECT_EQ(parse_snapshot_name(R"({"name":"one"})"), "one");
  EXPECT_EQ(problems_of(parse_snapshot_name, R"({"name":""})"), "string_too_short [\"body\",\"name\"]");
}

}  // namespace
}  // namespace osb::api
