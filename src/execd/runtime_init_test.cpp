#include "execd/runtime_init.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include "base/digest.h"
#include "execd/daemon.h"
#include "http/client.h"
#include "net/loop.h"

namespace osb::execd {
namespace {

using ::testing::HasSubstr;

std::string init_body(const std::string& token, const std::string& more = {}) {
  return R"({"sandboxId":"sb-1","generation":3,"accessTokenHash":"sha256:)" + sha256_hex(token) + "\"" +
         more + "}";
}

TEST(InitRequest, ReadsEveryMember) {
  InitRequest init = parse_init_request(init_body(
      "t", R"(,"envs":{"A":"1","EXECD_ACCESS_TOKEN":"x"},"entrypointPolicy":"restart","unknown":1,)"
           R"("telemetry":{"attributes":{"pool":"p"}},"lifecycle":{"preStart":{"command":["true"]}})"));
  EXPECT_EQ(init.sandbox_id, "sb-1");
  EXPECT_EQ(init.generation.as_int64(), 3);
  EXPECT_EQ(init.token_hash, sha256_hex("t"));
  EXPECT_EQ(init.envs, (Environment{{"A", "1"}}));
  EXPECT_TRUE(init.restart_entrypoint);
  EXPECT_TRUE(init.lifecycle.pre_start);
  ASSERT_EQ(init.attributes.size(), 1u);
  EXPECT_EQ(init.attributes[0].first, "pool");
}

TEST(InitRequest, RefusesWhatItDoesNotUnderstand) {
  for (const std::string& body :
       {std::string(), std::string("{}"), std::string("[]"), std::string(R"({"sandboxId":"x"})"),
        std::string(R"({"sandboxId":"x","accessTokenHash":"abc"})"),
        std::string(R"({"sandboxId":"x","accessTokenHash":"sha256:abc"})"),
        R"({"sandboxId":"x","accessTokenHash":"md5:)" + std::string(64, '0') + "\"}",
        init_body("t", R"(,"envs":[])"), init_body("t", R"(,"envs":{"A=B":"1"})"),
        init_body("t", R"(,"envs":{"A":1})"), init_body("t", R"(,"entrypointPolicy":"perhaps")"),
        init_body("t", R"(,"lifecycle":{"preStart":{}})"), init_body("t", R"(,"telemetry":1)")})
    EXPECT_THROW(parse_init_request(body), Error) << body;
}

class InitTest : public ::testing::Test {
 protected:
  InitTest() : reaper_(loop_.executor()), client_(loop_.executor()) {
    ::signal(SIGPIPE, SIG_IGN);
    options_.addresses = {"127.0.0.1"};
    options_.port = 0;
    options_.token = "old";
    options_.wait_for_init = true;
    options_.commands.environment = {{"PATH", "/usr/bin:/bin"}, {"A", "daemon"}, {"B", "daemon"}};
    options_.commands.cwd = "/tmp";
  }
  void start() {
    daemon_ = std::make_unique<Daemon>(loop_.executor(), reaper_, options_);
    daemon_->listen();
  }
  static net::task<> send(InitTest* self, http::ClientRequest request, http::Response* out) {
    auto answer = co_await self->client_.send({"127.0.0.1", self->daemon_->port(), {}}, std::move(request));
    out->status = answer->status();
    out->body = co_await answer->read_all(1 << 20);
  }
  http::Response call(std::string method, std::string target, std::string token = {}, std::string body = {}) {
    http::ClientRequest request{
        .method = std::move(method), .target = std::move(target), .body = std::move(body)};
    if (!token.empty()) request.headers.add("X-EXECD-ACCESS-TOKEN", token);
    http::Response out;
    loop_.run_until_done(send(this, std::move(request), &out));
    return out;
  }
  http::Response init(std::string body) { return call("POST", "/internal/init", {}, std::move(body)); }

  net::Loop loop_;
  Reaper reaper_;
  http::Client client_;
  DaemonOptions options_;
  std::unique_ptr<Daemon> daemon_;
};

TEST_F(InitTest, NothingIsServedBeforeItAndOnlyTheNewTokenAfterIt) {
  start();
  EXPECT_EQ(call("GET", "/ready").status, 503);
  EXPECT_EQ(call("GET", "/ready").body, R"({"initialized":false})");
  EXPECT_EQ(call("GET", "/ping").status, 200);
  for (const char* target : {"/metrics", "/command/status/x", "/proxy/1/", "/nothing"}) {
    EXPECT_EQ(call("GET", target).status, 503) << target;
    EXPECT_EQ(call("GET", target, "old").status, 503) << target;
  }
  EXPECT_EQ(init("{}").status, 400);
  EXPECT_EQ(init(init_body("new")).body, R"({"status":"initialized"})");
  EXPECT_EQ(call("GET", "/ready").status, 200);
  EXPECT_EQ(call("GET", "/ready").body, R"({"initialized":true,"sandboxId":"sb-1","generation":3})");
  EXPECT_EQ(call("GET", "/metrics").status, 401);
  EXPECT_EQ(call("GET", "/metrics", "old").status, 401);
  EXPECT_EQ(call("GET", "/metrics", sha256_hex("new")).status, 401);
  EXPECT_EQ(call("GET", "/metrics", "new").status, 200);
  http::Response again = init(init_body("newer"));
  EXPECT_EQ(again.status, 409);
  EXPECT_THAT(again.body, HasSubstr("ALREADY_INITIALIZED"));
  EXPECT_EQ(call("GET", "/metrics", "newer").status, 401);
}

TEST_F(InitTest, ItsVariablesReachCommandsBelowThoseOfTheRequest) {
  start();
  ASSERT_EQ(init(init_body("t", R"(,"envs":{"A":"init","C":"init"})")).status, 200);
  std::string out =
      call("POST", "/command", "t", R"({"command":"echo $A $B $C $D","envs":{"C":"request","D":"request"}})")
          .body;
  EXPECT_THAT(out, HasSubstr("init daemon request request"));
}

net::task<> fail(InitRequest) {
  throw Error(ErrorCode::internal, "the hook failed");
  co_return;
}
net::task<> nothing(InitRequest) { co_return; }

TEST_F(InitTest, AnInitThatFailsLeavesTheDaemonClosedAndMayBeTriedAgain) {
  bool broken = true;
  options_.on_init = [&](InitRequest init) {
    return broken ? fail(std::move(init)) : nothing(std::move(init));
  };
  start();
  EXPECT_EQ(init(init_body("a")).status, 500);
  EXPECT_EQ(call("GET", "/metrics", "a").status, 503);
  EXPECT_EQ(call("GET", "/ready").status, 503);
  broken = false;
  EXPECT_EQ(init(init_body("b")).status, 200);
  EXPECT_EQ(call("GET", "/metrics", "b").status, 200);
}

TEST_F(InitTest, WithoutTheModeThereIsNothingToInitialise) {
  options_.wait_for_init = false;
  start();
  EXPECT_EQ(call("GET", "/ready").body, R"({"initialized":true})");
  EXPECT_EQ(init(init_body("t")).status, 404);
  EXPECT_EQ(call("GET", "/metrics", "old").status, 200);
}

}  // namespace
}  // namespace osb::execd
