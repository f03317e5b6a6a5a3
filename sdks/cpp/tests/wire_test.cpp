// Requests and answers as values: exact bytes, tolerant reading.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <opensandbox/opensandbox.h>

#include "transport/address.h"
#include "wire/answer_error.h"
#include "wire/collector.h"
#include "wire/lifecycle.h"
#include "wire/multipart.h"
#include "wire/text.h"

namespace opensandbox::detail {
namespace {

std::string body_of(const CreateOptions& options) { return osb::json::serialize(create_body(options)); }

TEST(CreateBody, has_only_what_was_given) {
  EXPECT_EQ(
      body_of({.image = "a"}),
      R"({"image":{"uri":"a"},"entrypoint":["tail","-f","/dev/null"],"resourceLimits":{"cpu":"1","memory":"2Gi"},"timeout":600})");
  EXPECT_EQ(body_of({.snapshot_id = "s", .timeout = std::nullopt}),
            R"({"snapshotId":"s","resourceLimits":{"cpu":"1","memory":"2Gi"},"timeout":null})");
  EXPECT_EQ(body_of({.template_id = "tpl_1", .timeout = Seconds(5), .env = {{"A", "1"}}}),
            R"({"templateId":"tpl_1","timeout":5})");
}

TEST(CreateBody, has_volumes_and_policies) {
  CreateOptions options{.image = "a"};
  options.network_policy = NetworkPolicy{.egress = {{NetworkRule::Action::allow, "packages.example"}}};
  options.volumes = {{.name = "w", .source = HostVolume{"/data"}, .mount_path = "/mnt"}};
  std::string body = body_of(options);
  EXPECT_THAT(
      body,
      testing::HasSubstr(
          R"("networkPolicy":{"defaultAction":"deny","egress":[{"action":"allow","target":"packages.example"}]})"));
  EXPECT_THAT(body,
              testing::HasSubstr(
                  R"("volumes":[{"host":{"path":"/data"},"name":"w","mountPath":"/mnt","readOnly":false}])"));
  options.volumes[0].mount_path = "relative";
  EXPECT_THROW(create_body(options), Error);
}

TEST(ListCall, encodes_the_metadata_filter_twice) {
  EXPECT_EQ(list_call({.states = {"Running", "Paused"}, .metadata = {{"a&b", "c=d"}}, .page = 2}).path,
            "/sandboxes?state=Running&state=Paused&metadata=a%2526b%3Dc%253Dd&page=2");
  EXPECT_THROW(list_call({.page = 0}), Error);
}

TEST(AnswerError, is_told_by_status_and_body) {
  Reply reply{
      404, {{"X-Request-ID", "r1"}}, R"({"code":"DOCKER::SANDBOX_NOT_FOUND","message":"no such sandbox"})"};
  Error error = answer_error(reply, "get");
  EXPECT_EQ(error.code(), ErrorCode::not_found);
  EXPECT_EQ(error.server_code(), "DOCKER::SANDBOX_NOT_FOUND");
  EXPECT_EQ(error.request_id(), "r1");
  EXPECT_STREQ(error.what(), "get: HTTP 404: no such sandbox");
  EXPECT_EQ(answer_error({429, {{"Retry-After", "2"}}, ""}, "x").retry_after(), Milliseconds(2000));
  EXPECT_EQ(answer_error({429, {}, R"({"code":"NATIVE::CAPACITY_EXHAUSTED","message":""})"}, "x").code(),
            ErrorCode::capacity);
  EXPECT_STREQ(
      answer_error({422, {}, R"({"detail":[{"loc":["body","image"],"msg":"required"}]})"}, "x").what(),
      "x: HTTP 422: image: required");
  EXPECT_STREQ(answer_error({500, {}, "<html>"}, "x").what(), "x: HTTP 500: <html>");
}

TEST(Modes, are_digits_or_literals) {
  EXPECT_EQ(mode_digits(644), 644);
  EXPECT_EQ(mode_digits(0644), 644);
  EXPECT_EQ(mode_digits(0755), 755);
  EXPECT_EQ(mode_digits(1777), 1777);
  EXPECT_THROW(mode_digits(-1), Error);
  EXPECT_THROW(mode_digits(99999), Error);
}

TEST(Times, are_read_and_written) {
  auto time = parse_time("2026-06-12T10:00:00.250+02:00");
  ASSERT_TRUE(time);
  EXPECT_EQ(format_time(*time), "2026-06-12T08:00:00.250Z");
  EXPECT_EQ(parse_time("2026-06-12T08:00:00.250Z"), time);
  EXPECT_FALSE(parse_time("yesterday"));
  EXPECT_EQ(parse_time("2026-06-12T08:00:00.25"), time);
  EXPECT_FALSE(parse_time("2026-06-12T08:00:00 o'clock"));
}

TEST(Addresses, are_taken_apart) {
  EXPECT_EQ(parse_address("HTTPS://host/v1/").url(), "https://host/v1");
  EXPECT_EQ(parse_address("http://[::1]:81").authority(), "[::1]:81");
  for (const char* bad :
       {"host", "ftp://host", "http://", "http://host:0", "http://host:99999", "http://a b"})
    EXPECT_THROW(parse_address(bad), Error) << bad;
  EXPECT_EQ((ConnectionConfig{.domain = "https://api.example/x/"}.base_url()), "https://api.example/x/v1");
}

TEST(Uploads, are_forms_of_pairs) {
  Call call;
  set_upload(call, {{.path = "/a/\"x\"", .data = "DATA", .permissions = {.mode = 0600, .owner = "me"}}}, {},
             false);
  std::string boundary = call.content_type.substr(call.content_type.find('=') + 1);
  EXPECT_EQ(call.body, "--" + boundary +
                           "\r\nContent-Disposition: form-data; name=\"metadata\"; filename=\"metadata\"\r\n"
                           "Content-Type: application/json\r\n\r\n"
                           "{\"path\":\"/a/\\\"x\\\"\",\"mode\":600,\"owner\":\"me\"}\r\n--" +
                           boundary +
                           "\r\nContent-Disposition: form-data; name=\"file\"; filename=\"\\\"x\\\"\"\r\n"
                           "Content-Type: application/octet-stream\r\n\r\nDATA\r\n--" +
                           boundary + "--\r\n");
}

TEST(Uploads, know_their_length_before) {
  Call call;
  int calls = 0;
  ByteSource source = [&](std::span<char> room) -> size_t { return calls++ ? 0 : (room[0] = 'x', 1); };
  set_upload(call, {{.path = "/a", .data = "", .source = source, .size = 1}, {.path = "/b", .data = "yy"}},
             {}, true);
  ASSERT_TRUE(call.source && call.source->length);
  std::string body;
  for (std::string piece = call.source->next(); !piece.empty(); piece = call.source->next()) body += piece;
  EXPECT_EQ(body.size(), *call.source->length);
}

Execution collect(Collector::Kind kind, std::initializer_list<const char*> events) {
  Handlers handlers;
  Collector collector(kind, handlers);
  for (const char* event : events) collector.take(osb::json::parse(event).get_object());
  return collector.finish();
}

TEST(Collector, takes_each_event_once_and_stops_at_the_last) {
  auto run = collect(Collector::Kind::command,
                     {R"({"type":"init","text":"i","execution_id":"e","eid":1})",
                      R"({"type":"stdout","text":"a","eid":2})", R"({"type":"stdout","text":"a","eid":2})",
                      R"({"type":"execution_complete","eid":3})", R"({"type":"stdout","text":"late"})"});
  EXPECT_EQ(run.stdout_text(), "a");
  EXPECT_EQ(run.exit_code, 0);
  EXPECT_EQ(run.last_event, 3u);
}

TEST(Collector, reads_errors_of_every_form) {
  auto run = collect(Collector::Kind::command,
                     {R"({"type":"error","error":{"ename":"E","evalue":"7","traceback":"one"}})"});
  EXPECT_EQ(run.exit_code, 7);
  EXPECT_THAT(run.error->traceback, testing::ElementsAre("one"));
  EXPECT_GT(run.error->timestamp, 0);  // none was given
  auto code =
      collect(Collector::Kind::code, {R"({"code":"X","message":"bad"})", R"({"type":"execution_complete"})"});
  EXPECT_EQ(code.error->name, "X");
  EXPECT_TRUE(code.complete);
}

}  // namespace
}  // namespace opensandbox::detail
