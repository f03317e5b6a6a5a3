// The server as a process: ports, signals, restarts, refusals. Children are forked before any loop exists in
// them.
#include "server/run.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <thread>

#include "http/client.h"
#include "net/loop.h"
#include "server/fake_runtime.h"

namespace osb::server {
namespace {

uint16_t free_port() {
  net::Loop loop;
  return net::listen_tcp(loop.executor(), "127.0.0.1", 0)->port();
}

class RunTest : public testing::Test {
 protected:
  RunTest() {
    char name[] = "/tmp/osb-run-XXXXXX";
    folder_ = ::mkdtemp(name);
    config_.listen_port = free_port();
    config_.log_level = LogLevel::error;
  }
  ~RunTest() override {
    if (child_ > 0) {
      ::kill(child_, SIGKILL);
      ::waitpid(child_, nullptr, 0);
    }
    std::filesystem::remove_all(folder_);
  }

  ServerParts parts() {
    return {.make_runtime = [](net::asio::any_io_executor e) { return std::make_unique<FakeRuntime>(e); },
            .database_path = folder_ + "/server.db"};
  }
  void start(ServerParts parts) {
    ::fflush(nullptr);
    child_ = ::fork();
    if (child_ == 0) ::_exit(run_server(config_, parts));
  }
  void start() { start(parts()); }
  // Exit status of the child; -1 when it was killed.
  int wait() {
    int status = 0;
    ::waitpid(std::exchange(child_, -1), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

  static net::task<> ask(http::Client& client, uint16_t port, http::ClientRequest request, int& status,
                         std::string& body) {
    auto response = co_await client.send({"127.0.0.1", port, {}}, std::move(request));
    status = response->status();
    body = co_await response->read_all(1 << 20);
  }
  // Status; 0 when nobody answers.
  int call(std::string method, std::string target, std::string body = {}) {
    net::Loop loop;
    http::Client client(loop.executor());
    int status = 0;
    try {
      loop.run_until_done(ask(client, config_.listen_port,
                              {std::move(method), std::move(target), {}, std::move(body)}, status, body_));
    } catch (const Error&) {
      return 0;
    }
    return status;
  }
  bool until_healthy() {
    for (int i = 0; i < 2000; i++) {
      if (call("GET", "/health") == 200) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
  }

  ServerConfig config_;
  std::string folder_;
  std::string body_;
  pid_t child_ = -1;
};

constexpr const char* kCreate = R"({"image":{"uri":"host"},"resourceLimits":{},"entrypoint":["x"]})";

TEST_F(RunTest, ServesUntilItIsTold) {
  for (int signal : {SIGTERM, SIGINT}) {
    start();
    ASSERT_TRUE(until_healthy());
    EXPECT_EQ(call("POST", "/v1/sandboxes", kCreate), 202);
    ::kill(child_, signal);
    EXPECT_EQ(wait(), 0);
    EXPECT_EQ(call("GET", "/health"), 0);
  }
}

TEST_F(RunTest, ItsJournalOutlivesAKill) {
  start();
  ASSERT_TRUE(until_healthy());
  ASSERT_EQ(call("POST", "/v1/sandboxes", kCreate), 202);
  ::kill(child_, SIGKILL);
  EXPECT_EQ(wait(), -1);
  start();
  ASSERT_TRUE(until_healthy());
  ASSERT_EQ(call("GET", "/v1/sandboxes"), 200);
  // The runtime of memory died with the process, so its sandbox is known and lost.
  EXPECT_NE(body_.find("\"state\":\"Failed\""), std::string::npos) << body_;
}

TEST_F(RunTest, DropsPrivilegesBeforeItServes) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to give it up";
  ServerParts dropping = parts();
  dropping.before_serving = [] {
    if (::setresgid(65534, 65534, 65534) != 0 || ::setresuid(65534, 65534, 65534) != 0)
      throw Error(ErrorCode::internal, "dropping privileges");
  };
  start(dropping);
  ASSERT_TRUE(until_healthy());
  EXPECT_EQ(call("POST", "/v1/sandboxes", kCreate), 202);
  EXPECT_EQ(call("GET", "/v1/sandboxes"), 200);
  ::kill(child_, SIGTERM);
  EXPECT_EQ(wait(), 0);
}

TEST_F(RunTest, RefusesToStart) {
  config_.listen_host = "0.0.0.0";
  start();
  EXPECT_EQ(wait(), 1);  // no key
  config_.listen_host = "127.0.0.1";
  ServerParts failing = parts();
  failing.before_serving = [] { throw Error(ErrorCode::internal, "dropping privileges: no"); };
  start(failing);
  EXPECT_EQ(wait(), 1);
  ServerParts nowhere = parts();
  nowhere.database_path = folder_ + "/none/server.db";
  start(nowhere);
  EXPECT_EQ(wait(), 1);
  start();
  ASSERT_TRUE(until_healthy());
  pid_t first = std::exchange(child_, -1);
  start();  // the port is taken
  EXPECT_EQ(wait(), 1);
  config_.listen_port = free_port();
  start();  // the state is taken
  EXPECT_EQ(wait(), 1);
  child_ = first;
}

}  // namespace
}  // namespace osb::server
