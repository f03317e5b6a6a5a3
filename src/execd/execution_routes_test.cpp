// Streams that are cut, resumed, asked for twice and in another framing, as clients see it.
#include "execd/execution_routes.h"

#include "execd/daemon_fixture.h"

namespace osb::execd {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// What a client knows when its stream was cut behind `bytes`: the id of the last whole event.
int64_t last_eid(std::string_view bytes) {
  size_t end = bytes.rfind("\n\n");
  if (end == std::string_view::npos) return 0;
  std::string_view whole = bytes.substr(0, end);
  size_t at = whole.rfind("\"eid\":");
  return at == std::string_view::npos ? 0 : std::stol(std::string(whole.substr(at + 6)));
}

class ExecutionRoutesTest : public DaemonTest {
 protected:
  Answer resume(const std::string& id, int64_t after) {
    return get("/command/" + id + "/resume?after_eid=" + std::to_string(after));
  }
  Answer post_with_key(std::string target, std::string body, std::string key) {
    http::ClientRequest again = request("POST", std::move(target), std::move(body));
    again.headers.add("Idempotency-Key", std::move(key));
    return call(std::move(again));
  }
};

TEST_F(ExecutionRoutesTest, EventsAreNumberedAndPingsAreNot) {
  std::string body = post_command(R"({"command":"echo a; echo b"})").body;
  EXPECT_THAT(body,
              ::testing::MatchesRegex("\\{\"type\":\"init\",\"text\":\"([0-9a-f]+)\",\"timestamp\":[0-9]+,"
                                      "\"execution_id\":\"[0-9a-f]+\",\"eid\":1\\}\n\n"
                                      "\\{\"type\":\"ping\",\"text\":\"pong\",\"timestamp\":[0-9]+\\}\n\n"
                                      "(.|\n)*\"eid\":4\\}\n\n"));
}

// Cut behind every byte: the rest is always the same as what the first stream would have brought.
TEST_F(ExecutionRoutesTest, AStreamCutAnywhereGoesOnWithExactlyTheRest) {
  std::string whole =
      post_command(R"({"command":"echo one; echo two >&2; printf 'x%.0s' 1 2 3; exit 4"})").body;
  std::string expected = record(whole), id = execution_id(whole);
  for (size_t cut = 0; cut <= whole.size(); ++cut) {
    std::string_view got = std::string_view(whole).substr(0, cut);
    int64_t after = last_eid(got);
    Answer rest = resume(id, after);
    ASSERT_EQ(rest.status, 200);
    std::string kept =
        record(got.substr(0, got.rfind("\n\n") == std::string_view::npos ? 0 : got.rfind("\n\n") + 2));
    ASSERT_EQ(kept + record(rest.body), expected) << "cut behind byte " << cut;
  }
}

// The same while the command runs, over real connections that are dropped again and again.
TEST_F(ExecutionRoutesTest, ALiveStreamThatIsCutManyTimesLosesAndRepeatsNothing) {
  std::string body = R"({"command":"for i in $(seq 3000); do echo line $i of many; done; exit 5"})";
  std::string got, id;
  loop_.run_until_done(read_and_cut(this, request("POST", "/command", body), 700, &got));
  id = execution_id(got);
  std::string all = record(got.substr(0, got.rfind("\n\n") + 2));
  for (size_t i = 1; i < 40; ++i) {
    got.clear();
    http::ClientRequest again = request("GET", "/code/" + id + "/resume");  // every kind's route takes the id
    again.headers.add("Last-Event-ID", std::to_string(last_eid(all)));
    loop_.run_until_done(read_and_cut(this, std::move(again), 257 * i, &got));
    if (size_t end = got.rfind("\n\n"); end != std::string::npos) all += record(got.substr(0, end + 2));
  }
  all += record(resume(id, last_eid(all)).body);
  std::vector<std::string> events = events_of(all);
  ASSERT_EQ(events.size(), 3002u);
  for (size_t i = 1; i <= 3000; ++i) ASSERT_EQ(events[i], "stdout:line " + std::to_string(i) + " of many\n");
  EXPECT_EQ(events.back(), "error:5/exit status 5");
  EXPECT_EQ(resume(id, 3002).body, "");
}

TEST_F(ExecutionRoutesTest, WhatNobodyReadIsKeptUpToALimitAndCounted) {
  options_.executions.journal_bytes = 200'000;
  start();
  std::string got;
  loop_.run_until_done(read_and_cut(
      this, request("POST", "/command", R"({"command":"sleep 0.2; seq 20000; echo end >&2"})"), 200, &got));
  std::string id = execution_id(got);
  EXPECT_TRUE(wait_until(
      [&] { return get("/command/status/" + id).body.find(R"("exit_code":0)") != std::string::npos; }));
  std::string rest = record(resume(id, 1).body);
  json::Value gap = json::parse(rest.substr(0, rest.find("\n\n")));
  EXPECT_EQ(gap.at("type").as_string(), "gap");
  int64_t dropped = gap.at("dropped").as_int64();
  EXPECT_GT(dropped, 15'000);
  EXPECT_EQ(gap.at("eid").as_int64(), dropped + 1);
  std::vector<std::string> events = events_of(rest);
  EXPECT_EQ(events.size(), static_cast<size_t>(1 + 20'003 - 1 - dropped));
  EXPECT_EQ(events.back(), "execution_complete");
}

TEST_F(ExecutionRoutesTest, ResumesInTheFormOfTheFirstRequest) {
  agent_ = "OpenSandbox-Python-SDK/0.1.11";
  std::string body = post_command(R"({"command":"echo a"})").body;
  agent_.clear();
  EXPECT_THAT(events_of(record(resume(execution_id(body), 1).body)),
              ElementsAre("stdout:a", "execution_complete"));
  http::ClientRequest sse = request("POST", "/command", R"({"command":"echo a"})");
  sse.headers.add("Accept", "text/event-stream; framing=sse");
  body = call(sse).body;
  EXPECT_THAT(body, ::testing::StartsWith("id: 1\ndata: {\"type\":\"init\""));
  std::string id = execution_id(body.substr(12));
  std::string rest = resume(id, 1).body;
  EXPECT_THAT(rest, ::testing::StartsWith("id: 2\ndata: {\"type\":\"stdout\",\"text\":\"a\\n\""));
  EXPECT_THAT(rest, HasSubstr("\n\ndata: {\"type\":\"ping\""));
  EXPECT_THAT(get("/command/" + id + "/resume?after_eid=1&framing=lines").body,
              ::testing::StartsWith("{\"type\":\"stdout\""));
}

TEST_F(ExecutionRoutesTest, ReleasedClientsKeepTheirLines) {
  http::ClientRequest released = request("POST", "/command", R"({"command":"true"})");
  released.headers.add("Accept", "text/event-stream");
  EXPECT_THAT(call(released).body, ::testing::StartsWith("{\"type\":\"init\""));
}

TEST_F(ExecutionRoutesTest, RefusesWhatCannotBeResumed) {
  std::string id = execution_id(post_command(R"({"command":"true"})").body);
  EXPECT_EQ(refusal(resume("nope", 0)), "404 EXECUTION_NOT_FOUND");
  EXPECT_EQ(refusal(resume(id, 3)), "400 INVALID_REQUEST_BODY");
  EXPECT_EQ(refusal(resume(id, -1)), "400 INVALID_REQUEST_BODY");
  EXPECT_EQ(refusal(get("/command/" + id + "/resume?after_eid=x")), "400 INVALID_REQUEST_BODY");
  EXPECT_EQ(refusal(get("/command/" + id + "/resume?framing=xml")), "400 INVALID_REQUEST_BODY");
  EXPECT_EQ(refusal(call(request("POST", "/command?framing=xml", R"({"command":"true"})"))),
            "400 INVALID_REQUEST_BODY");
}

TEST_F(ExecutionRoutesTest, ARetryNeverRunsTwice) {
  std::string body = R"({"command":"echo $$ | tee -a )" + env_file_ + R"(.count"})";
  std::string first = post_with_key("/command", body, "key-1").body;
  Answer second = post_with_key("/command", body, "key-1");
  EXPECT_EQ(record(second.body), record(first));
  EXPECT_EQ(refusal(post_with_key("/command", R"({"command":"true"})", "key-1")),
            "409 IDEMPOTENCY_KEY_REUSED");
  EXPECT_EQ(refusal(post_with_key("/code", body, "key-1")), "409 IDEMPOTENCY_KEY_REUSED");
  EXPECT_NE(record(post_with_key("/command", body, "key-2").body), record(first));
  EXPECT_EQ(refusal(post_with_key("/command", body, std::string(256, 'k'))), "400 INVALID_REQUEST_BODY");
  EXPECT_EQ(refusal(post_with_key("/command", body, "two words")), "400 INVALID_REQUEST_BODY");
  EXPECT_THAT(run("wc -l < " + env_file_ + ".count"), ElementsAre("stdout:2\n", "execution_complete"));
  ::unlink((env_file_ + ".count").c_str());
}

TEST_F(ExecutionRoutesTest, ARetryJoinsWhatStillRuns) {
  std::string body = R"({"command":"echo begun; sleep 0.3; echo done"})";
  std::string got;
  http::ClientRequest first = request("POST", "/command", body);
  first.headers.add("Idempotency-Key", "k");
  loop_.run_until_done(read_and_cut(this, std::move(first), 60, &got));
  EXPECT_THAT(
      events_of(record(post_with_key("/command", body, "k").body)),
      ElementsAre("init:" + got.substr(23, 32), "stdout:begun\n", "stdout:done\n", "execution_complete"));
}

// The context of the first request takes a while to be made; the second one must not make the code run again.
TEST_F(ExecutionRoutesTest, ARetryWaitsForAFirstRequestThatIsAboutToBegin) {
  const char* body =
      R"_({"code":"n = globals().get('n', 0) + 1; print(n)","context":{"language":"python"}})_";
  struct Pending {
    Answer answer;
    bool done = false;
  };
  auto begin = [&](Pending* pending) {
    http::ClientRequest keyed = request("POST", "/code", body);
    keyed.headers.add("Idempotency-Key", "k");
    net::spawn(loop_.executor(), "request",
               [](ExecutionRoutesTest* self, http::ClientRequest r, Pending* p) -> net::task<> {
                 co_await send(self, std::move(r), &p->answer);
                 p->done = true;
               }(this, std::move(keyed), pending));
  };
  Pending first, second;
  begin(&first);
  begin(&second);
  ASSERT_TRUE(wait_until([&] { return first.done && second.done; }));
  EXPECT_THAT(first.answer.body, HasSubstr(R"("text":"1\n")"));
  EXPECT_EQ(record(second.answer.body), record(first.answer.body));
  Answer third = call(request("POST", "/code", body));
  EXPECT_THAT(third.body, HasSubstr(R"("text":"2\n")"));
  // Runs of code have ids of their own, and their streams are resumed by them.
  std::string id = execution_id(third.body);
  EXPECT_NE(id, execution_id(first.answer.body));
  EXPECT_EQ(record(get("/code/" + id + "/resume").body), record(third.body));
  EXPECT_EQ(refusal(call(request("DELETE", "/code?id=" + id))), "409 RUNTIME_ERROR");
}

TEST_F(ExecutionRoutesTest, CodeIsInterruptedByItsExecution) {
  std::string got;
  loop_.run_until_done(read_and_cut(
      this,
      request("POST", "/code",
              R"({"code":"print('begun', flush=True)\nwhile True: pass","context":{"language":"python"}})"),
      200, &got));
  std::string id = execution_id(got);
  EXPECT_TRUE(wait_until([&] {
    std::string some;
    loop_.run_until_done(
        read_and_cut(this, request("GET", "/code/" + id + "/resume?after_eid=1"), 60, &some));
    return some.find("stdout") != std::string::npos;
  }));
  EXPECT_EQ(call(request("DELETE", "/command?id=" + id)).status, 200);
  std::vector<std::string> rest = events_of(record(get("/code/" + id + "/resume?after_eid=2").body));
  EXPECT_THAT(rest.back(), ::testing::StartsWith("error:"));
}

TEST_F(ExecutionRoutesTest, ARefusedRequestFreesItsKey) {
  EXPECT_EQ(refusal(post_with_key("/command", R"({"command":""})", "k")), "400 INVALID_REQUEST_BODY");
  EXPECT_EQ(post_with_key("/command", R"({"command":"true"})", "k").status, 200);
}

TEST_F(ExecutionRoutesTest, AResultThatIsGoneIsNotRunAgain) {
  options_.executions.ended = 1;
  start();
  EXPECT_EQ(post_with_key("/command", R"({"command":"true"})", "k").status, 200);
  run("true"), run("true");
  EXPECT_EQ(refusal(post_with_key("/command", R"({"command":"true"})", "k")), "409 IDEMPOTENCY_RESULT_GONE");
}

TEST_F(ExecutionRoutesTest, KeysAreBounded) {
  Executions executions(loop_.executor());
  Retries retries(loop_.executor(), executions, 3);
  auto claim = [&](std::string key) {
    http::Request asked;
    asked.headers.add("Idempotency-Key", std::move(key));
    Retries::Claim claim;
    loop_.run_until_done([](Retries* r, const http::Request* q, Retries::Claim* out) -> net::task<> {
      *out = co_await r->claim(*q, "body");
    }(&retries, &asked, &claim));
    return claim;
  };
  std::vector<std::shared_ptr<Execution>> begun;
  for (std::string key : {"a", "b", "c"}) {
    begun.push_back(executions.begin("run-" + key));
    claim(key).settle(*begun.back());
  }
  EXPECT_EQ(claim("a").first(), begun[0]);
  EXPECT_THROW(claim("d"), Error);  // all of them run
  begun[1]->journal->close();
  EXPECT_FALSE(claim("d").first());
  EXPECT_FALSE(claim("b").first());  // it made room, and "d" was not begun
  EXPECT_EQ(claim("c").first(), begun[2]);
}

}  // namespace
}  // namespace osb::execd
