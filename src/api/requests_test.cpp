// Bodies that are taken, and what the others are refused with.
#include <gtest/gtest.h>

#include "api/create_request.h"
#include "api/small_requests.h"
#include "api/validation.h"

namespace osb::api {
namespace {

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
           {create_body({{"resourceLimits", "{\"cpu\":1}"}}),
            "string_type [\"body\",\"resourceLimits\",\"cpu\"]"},
           {create_body({{"resourceLimits", "{\"cpu\":null}"}}),
            "string_type [\"body\",\"resourceLimits\",\"cpu\"]"},
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
           {create_body({{"extensions", R"({"poolRef":"p"})"}, {"snapshotId", "\"s\""}}),
            "value_error [\"body\"]"},
           {create_body({{"volumes", R"([{"name":"Bad_Name","host":{"path":"/x"},"mountPath":"/m"}])"}}),
            "string_pattern_mismatch [\"body\",\"volumes\",0,\"name\"]"},
           {create_body({{"volumes", R"([{"name":"v","mountPath":"/m"}])"}}),
            "value_error [\"body\",\"volumes\",0]"},
           {create_body(
                {{"volumes",
                  R"([{"name":"v","host":{"path":"/x"},"pvc":{"claimName":"c"},"mountPath":"/m"}])"}}),
            "value_error [\"body\",\"volumes\",0]"},
           {create_body({{"volumes", R"([{"name":"v","pvc":{"claimName":"c"},"mountPath":"m"}])"}}),
            "string_pattern_mismatch [\"body\",\"volumes\",0,\"mountPath\"]"},
           {create_body({{"volumes", R"([{"name":"v","mount_path":"/m",
               "pvc":{"claim_name":"c","storage":null,"accessModes":null,"storageClass":null}}])"}}),
            "ok"},
           {create_body({{"lifecycle", R"({"preStart":{"command":["true"]}})"}}), "ok"},
           {create_body({{"lifecycle", R"({"preStart":{"command":[]},"x":1})"}}),
            "too_short [\"body\",\"lifecycle\",\"preStart\",\"command\"] extra_forbidden "
            "[\"body\",\"lifecycle\",\"x\"]"},
           {create_body({{"lifecycle", R"({"periodic":[{"name":"a","schedule":"s","command":["x"]},
               {"name":"a","schedule":"s","command":["x"]}]})"}}),
            "value_error [\"body\",\"lifecycle\"]"},
       })
    EXPECT_EQ(create_problems(body), problems) << body;
}

TEST(CreateRequest, ReadsValues) {
  CreateRequest request = parse_create_request(create_body({{"env", R"({"A":"1","B":null,"C":""})"},
                                                            {"timeout", "\"3600\""},
                                                            {"metadata", R"({"k":"v"})"},
                                                            {"platform", R"({"os":"linux","arch":"amd64"})"},
                                                            {"extensions", R"({"poolRef":" p "})"},
                                                            {"lifecycle", "{}"},
                                                            {"volumes", "[]"}}));
  EXPECT_EQ(request.image, "base");
  EXPECT_EQ(request.timeout_seconds, 3600);
  EXPECT_EQ(request.env, (std::map<std::string, std::string>{{"A", "1"}, {"C", ""}}));
  EXPECT_EQ(request.platform->arch, "amd64");
  EXPECT_EQ(request.pool(), "p");
  EXPECT_EQ(request.hooks, "");
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
  EXPECT_EQ(parse_renewal(R"({"expiresAt":"2030-01-01T02:00:00+02:00"})"),
            *parse_time("2030-01-01T00:00:00Z"));
  EXPECT_EQ(parse_renewal(R"({"expires_at":"2030-01-01 00:00:00"})"), *parse_time("2030-01-01T00:00:00Z"));
  EXPECT_EQ(parse_renewal(R"({"expiresAt":1893456000})"), *parse_time("2030-01-01T00:00:00Z"));
  EXPECT_EQ(parse_renewal(R"({"expiresAt":1893456000000})"), *parse_time("2030-01-01T00:00:00Z"));
  EXPECT_EQ(parse_renewal(R"({"expiresAt":1893456000.5})"), *parse_time("2030-01-01T00:00:00.5Z"));
}

TEST(MetricsEvent, Shapes) {
  auto problems = [](std::string_view body) { return problems_of(parse_metrics_event, body); };
  EXPECT_EQ(problems(R"({"eventType":"sandbox.create","createDurationMs":5,"success":true})"), "ok");
  EXPECT_EQ(problems(R"({"eventType":"x"})"),
            "literal_error [\"body\",\"eventType\"] missing [\"body\",\"createDurationMs\"] missing "
            "[\"body\",\"success\"]");
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
